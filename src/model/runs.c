/* runs.c - of which run each process is, where traces of several were merged. */
#include "build.h"
#include "payload.h"

static bool
read_run(struct run *out, struct slice payload)
{
    const uint8_t *p = (const uint8_t *)payload.data;
    const uint8_t *end = p + payload.length;
    uint64_t number, first, count;
    p = payload_number(p, end, &number);
    p = payload_number(p, end, &first);
    p = payload_number(p, end, &count);
    p = payload_text(p, end, &out->name);
    payload_text(p, end, &out->clock);
    out->first_process = (uint32_t)first;
    out->process_count = (uint32_t)count;
    return p && first <= UINT32_MAX && count <= UINT32_MAX;
}

void
build_run(struct builder *builder, struct slice payload)
{
    struct model *model = builder->model;
    struct run run;
    if (model->run_count == RUNS_MAX || !read_run(&run, payload))
        return;
    struct run *slot = build_append(builder, &model->runs, model->run_count, &builder->run_room, sizeof *slot);
    if (!slot)
        return;
    *slot = run;
    model->run_count++;
}

void
build_assign_runs(struct model *model)
{
    for (uint32_t i = 0; i < model->process_count; i++) {
        struct process *process = &model->processes[i];
        for (uint32_t run = 0; run < model->run_count && !process->run; run++)
            if (process->number - model->runs[run].first_process < model->runs[run].process_count)
                process->run = run + 1;
    }
}

uint32_t
model_run_of(const struct model *model, uint32_t call)
{
    return model->processes[model->tracks[model->calls[call].track].process].run;
}

bool
model_leads_run(const struct model *model, uint32_t process)
{
    uint32_t run = model->processes[process].run;
    return run ? model->processes[process].number == model->runs[run - 1].first_process : process == 0;
}
