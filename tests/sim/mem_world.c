/*
 * mem_world: see mem_world.h.
 *
 * Invariants: each piece has a header that links it into the list it was born into: that of the world, or,
 * before the first one began, that of the program, which nobody frees as a whole.
 */
#include "tests/sim/mem_world.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

struct piece {
    struct piece *prev, *next;
    size_t *live; /* of the list that it is in */
    size_t size;
};

static struct piece program = {&program, &program, NULL, 0}, world = {&world, &world, NULL, 0};
static struct piece *list = &program;
static size_t program_live, world_live;
static bool (*fault_fn)(void *ctx);
static void *fault_ctx;

void mem_world_begin(void)
{
    /* Blocks of a loader come and go by the hundred: not from the system each time. */
    static bool told;
    if (!told)
        told = mallopt(M_MMAP_THRESHOLD, 1 << 30) && mallopt(M_TRIM_THRESHOLD, 1 << 30);
    list = &world;
}

size_t mem_world_live(void)
{
    return world_live;
}

void mem_world_end(void)
{
    for (struct piece *p = world.next, *next; p != &world; p = next) {
        next = p->next;
        free(p);
    }
    world.next = world.prev = &world;
    world_live = 0;
    list = &program;
}

static void *born(struct piece *p, size_t size)
{
    if (!p)
        return NULL;
    p->size = size;
    p->live = list == &world ? &world_live : &program_live;
    p->prev = list->prev;
    p->next = list;
    p->prev->next = p->next->prev = p;
    ++*p->live;
    return p + 1;
}

static bool refused(size_t size)
{
    return (fault_fn && fault_fn(fault_ctx)) || size > SIZE_MAX / 2;
}

void *mem_alloc(size_t size)
{
    return refused(size) ? NULL : born(malloc(sizeof(struct piece) + size), size);
}

void *mem_calloc(size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total) || refused(total))
        return NULL;
    return born(calloc(1, sizeof(struct piece) + total), total);
}

void *mem_realloc(void *old, size_t size)
{
    void *fresh = mem_alloc(size);
    if (!fresh || !old)
        return fresh;
    size_t had = ((struct piece *)old - 1)->size;
    memcpy(fresh, old, had < size ? had : size);
    mem_free(old);
    return fresh;
}

char *mem_strdup(const char *text)
{
    return mem_strndup(text, strlen(text));
}

char *mem_strndup(const char *text, size_t len)
{
    char *copy = mem_alloc(len + 1);
    if (!copy)
        return NULL;
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

void mem_free(void *ptr)
{
    if (!ptr)
        return;
    struct piece *p = (struct piece *)ptr - 1;
    p->prev->next = p->next;
    p->next->prev = p->prev;
    --*p->live;
    free(p);
}

void mem_set_fault(bool (*fn)(void *ctx), void *ctx)
{
    fault_fn = fn;
    fault_ctx = ctx;
}
