/*
 * sink_mem_state: vectors of counted objects, and snapshots made of them.
 *
 * Invariants: an object that a snapshot holds is never changed, only exchanged for another; the counters are
 * atomic, since readers give snapshots back at any time and from any thread.
 */
#include <string.h>

#include "backends/sink_mem_internal.h"
#include "core/base/mem.h"

enum { VEC_FIRST = 16 };

struct mem_object *mem_ref(struct mem_object *object)
{
    __atomic_add_fetch(&object->refs, 1, __ATOMIC_RELAXED);
    return object;
}

void mem_unref(struct mem_object *object)
{
    if (object && __atomic_sub_fetch(&object->refs, 1, __ATOMIC_ACQ_REL) == 0)
        object->free(object);
}

enum err_code mem_vec_push(struct mem_vec *vec, struct mem_object *object, struct err *err)
{
    if (vec->n == vec->cap) {
        size_t cap = vec->cap ? vec->cap * 2 : VEC_FIRST;
        struct mem_object **grown = mem_realloc(vec->at, cap * sizeof *grown);
        if (!grown) {
            mem_unref(object);
            return err_nomem(err);
        }
        vec->at = grown;
        vec->cap = cap;
    }
    vec->at[vec->n++] = object;
    return ERR_OK;
}

void mem_vec_set(struct mem_vec *vec, size_t i, struct mem_object *object)
{
    mem_unref(vec->at[i]);
    vec->at[i] = object;
}

void mem_vec_remove(struct mem_vec *vec, size_t i)
{
    mem_unref(vec->at[i]);
    memmove(&vec->at[i], &vec->at[i + 1], (vec->n - i - 1) * sizeof *vec->at);
    vec->n--;
}

void mem_vec_release(struct mem_vec *vec)
{
    for (size_t i = 0; i < vec->n; i++)
        mem_unref(vec->at[i]);
    mem_free(vec->at);
    memset(vec, 0, sizeof *vec);
}

enum err_code mem_vec_clone(const struct mem_vec *old, struct mem_vec *out, struct err *err)
{
    memset(out, 0, sizeof *out);
    if (old->n == 0)
        return ERR_OK;
    out->at = mem_alloc(old->cap * sizeof *out->at);
    if (!out->at)
        return err_nomem(err);
    out->cap = old->cap;
    for (; out->n < old->n; out->n++)
        out->at[out->n] = mem_ref(old->at[out->n]);
    return ERR_OK;
}

static enum err_code clone_tables(const struct mem_state *old, struct mem_state *s, struct err *err)
{
    /* One more than there are: setup adds its table without allocating. */
    s->tables = mem_calloc(old->ntables + 1, sizeof *s->tables);
    if (!s->tables)
        return err_nomem(err);
    for (; s->ntables < old->ntables; s->ntables++) {
        const struct mem_table *from = &old->tables[s->ntables];
        if (mem_vec_clone(&from->chunks, &s->tables[s->ntables].chunks, err))
            return err->code;
        s->tables[s->ntables].def = (struct mem_def *)mem_ref(&from->def->base);
    }
    return ERR_OK;
}

enum err_code mem_state_clone(const struct mem_state *old, struct mem_state **out, struct err *err)
{
    struct mem_state *s = mem_calloc(1, sizeof *s);

    *out = NULL;
    if (!s)
        return err_nomem(err);
    s->refs = 1;
    s->last_load = old->last_load;
    s->last_reject = old->last_reject;
    s->last_attempt = old->last_attempt;
    s->last_check = old->last_check;
    s->version = old->version;
    if (mem_vec_clone(&old->ledger, &s->ledger, err) || mem_vec_clone(&old->rejects, &s->rejects, err) ||
        mem_vec_clone(&old->attempts, &s->attempts, err) || mem_vec_clone(&old->checks, &s->checks, err) ||
        mem_vec_clone(&old->claims, &s->claims, err) || clone_tables(old, s, err)) {
        mem_state_unref(s);
        return err->code;
    }
    *out = s;
    return ERR_OK;
}

void mem_state_unref(struct mem_state *state)
{
    if (!state || __atomic_sub_fetch(&state->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    mem_vec_release(&state->ledger);
    mem_vec_release(&state->rejects);
    mem_vec_release(&state->attempts);
    mem_vec_release(&state->checks);
    mem_vec_release(&state->claims);
    for (size_t i = 0; state->tables && i < state->ntables; i++) {
        mem_unref(&state->tables[i].def->base);
        mem_vec_release(&state->tables[i].chunks);
    }
    mem_free(state->tables);
    mem_free(state);
}
