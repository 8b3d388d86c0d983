#include "replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static bool
is_held(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool held = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
    if (fd >= 0)
        close(fd);
    return held;
}

static int
open_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    free(folder);
    return fd;
}

#define TURNS 1000 /* milliseconds, mostly: somebody else may have locked the folder for himself */

/* Of two that want the name at once, each with its file locked, the second finds the first's there. */
int
replace_end(const char *temporary, const char *path)
{
    int folder = open_folder_of(path);
    for (int i = 0; folder >= 0 && i < TURNS && flock(folder, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK; i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    int ret = is_held(path) ? -EBUSY : rename(temporary, path) < 0 ? -errno : 0;
    if (folder >= 0)
        close(folder);
    return ret;
}

int
replace_begin(char **name, const char *path)
{
    int ret = -EEXIST;
    for (int i = 0; i < 10 && ret == -EEXIST; i++) {
        uint32_t random;
        if (getrandom(&random, sizeof random, GRND_NONBLOCK) < 0)
            random = (uint32_t)getpid() + (uint32_t)i;
        if (asprintf(name, "%s.%08x.tmp", path, random) < 0)
            return -ENOMEM;
        int fd = open(*name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd >= 0)
            return fd;
        ret = -errno;
        free(*name);
    }
    return ret;
}
