"""Starts the program and waits for it, so that neither it nor the caller notices us between."""

import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._live import Live

# What a terminal sends to a whole process group reaches the program by itself.
# What a process sent to us alone was meant for the program.
FORWARDED = {
    getattr(signal, name)
    for name in (
        "SIGINT SIGTERM SIGHUP SIGQUIT SIGUSR1 SIGUSR2 SIGALRM SIGCONT SIGWINCH SIGTSTP SIGTTIN SIGTTOU "
        "SIGURG SIGIO SIGPROF SIGVTALRM"
    ).split()
    if hasattr(signal, name)
}
SENT_BY_A_PROCESS = 0  # si_code: SI_USER, and below; the kernel's are above


def supervise(command: list[str], environment: dict[str, str], live: "Live | None" = None) -> tuple[int, int]:
    """Run `command` to its end and return its pid and wait status.

    It gets the signals as we got them: what was ignored or blocked stays so, and
    what this interpreter has changed for itself is put back. `live` lasts as long as the command does; its thread
    gets no signals.
    """
    watched = FORWARDED | {signal.SIGCHLD}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, watched)
    try:
        pid = os.posix_spawn(
            command[0],
            command,
            environment,
            setsigmask=before,
            setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],
        )
        # An ignored SIGCHLD, inherited, would make the kernel forget the status.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if live:
            live.begin()
        status = _wait(pid, watched)
        if live:
            live.end()
        _drain(watched)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return pid, status


def _wait(pid: int, watched: set[int]) -> int:
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG | os.WUNTRACED)
        if ended and os.WIFSTOPPED(status):
            _stop_with(pid)
        elif ended:
            return status
        number, sender = _next_signal(watched)
        # A program that signals its own group has had it already.
        if number != signal.SIGCHLD and sender not in {None, pid}:
            os.kill(pid, number)


def _next_signal(watched: set[int]) -> tuple[int, int | None]:
    """Wait for a signal; returns it and the process that sent it: None for the kernel, 0 for an unknown one."""
    if hasattr(signal, "sigwaitinfo"):
        received = signal.sigwaitinfo(watched)
        return received.si_signo, received.si_pid if received.si_code <= SENT_BY_A_PROCESS else None
    number = signal.sigwait(watched)  # macOS: the sender is unknown; these a keyboard never sends
    return number, 0 if number in {signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2} else None


def _stop_with(pid: int) -> None:
    """Ctrl-Z stopped the program: stop as well, so that the shell sees it, and go on with it."""
    os.kill(os.getpid(), signal.SIGSTOP)
    os.kill(pid, signal.SIGCONT)


def _drain(watched: set[int]) -> None:
    """Forget a Ctrl-C that was meant for the program: it must not end the story."""
    if hasattr(signal, "sigtimedwait"):
        while signal.sigtimedwait(watched, 0) is not None:
            pass


def end_like(status: int) -> int:
    """Return the exit status of a wait status; a signal's death is died here too."""
    if not os.WIFSIGNALED(status):
        return os.WEXITSTATUS(status)
    number = os.WTERMSIG(status)
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    if number not in {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    os.kill(os.getpid(), number)
    return 128 + number
