#include "nesting.h"

int
nesting_build(struct nesting *out, const struct model *model)
{
    *out = (struct nesting){.model = model, .call = MODEL_NONE};
    return child_lists_build(&out->children, model);
}

static bool
next_root(struct nesting *nesting)
{
    const struct model *model = nesting->model;
    while (nesting->root < model->call_count && model->calls[nesting->root].parent != MODEL_NONE)
        nesting->root++;
    if (nesting->root >= model->call_count)
        return false;
    nesting->call = nesting->root++;
    nesting->left = false;
    return true;
}

bool
nesting_step(struct nesting *nesting)
{
    uint32_t call = nesting->call;
    if (call == MODEL_NONE)
        return next_root(nesting);
    if (!nesting->left) {
        if (nesting->children.first[call] == MODEL_NONE)
            nesting->left = true;
        else
            nesting->call = nesting->children.first[call];
        return true;
    }
    if (nesting->children.next[call] != MODEL_NONE) {
        nesting->call = nesting->children.next[call];
        nesting->left = false;
        return true;
    }
    nesting->call = nesting->model->calls[call].parent;
    return nesting->call != MODEL_NONE || next_root(nesting);
}

void
nesting_free(struct nesting *nesting)
{
    child_lists_free(&nesting->children);
    *nesting = (struct nesting){0};
}
