/*
 * scene: small loads that together use every step of the engine, each with its outcome as text, so that a
 * test can disturb one, run it again, and compare.
 *
 * A scene has a past (what was loaded before) and an act (what is disturbed). The past is made once; each
 * try gets a copy of it: a folder with lake and database, or, for mem:, the past played again.
 */
#ifndef SLUICE_TESTS_SUPPORT_SCENE_H
#define SLUICE_TESTS_SUPPORT_SCENE_H

#include "tests/support/rig.h"

struct scene {
    const char *name;
    const char *const *sets; /* up to the first NULL */
    void (*past)(struct rig *rig);
    int (*act)(struct rig *rig);    /* the exit status */
    int (*settle)(struct rig *rig); /* what closes hours that the act alone may leave open; NULL = itself */
    bool mends;                     /* the act runs under a pipeline without the check on amount */
    bool checks;                    /* with checks of cells, objects and hours that warn */
    bool memory;                    /* mem: instead of file: and sqlite: */
    int status;                     /* of an undisturbed act */
};

enum scene_id {
    SCENE_FILE,  /* a group of tiny files, a bigger one with rejects, gzip, a replaced and a touched object */
    SCENE_BAD,   /* a group with a file over the limit of rejects, and one with a key that is there already */
    SCENE_HOUR,  /* one transaction an hour */
    SCENE_CHUNK, /* three transactions an object */
    SCENE_RELOAD, /* run --reload of two hours */
    SCENE_REPLAY, /* rejects replay of four objects */
    SCENE_MEM,    /* SCENE_FILE over mem: */
    SCENE_CHECKS, /* SCENE_HOUR with checks that fire and some that do not */
    SCENES
};
extern const struct scene scenes[SCENES];

/* What an undisturbed act leaves, and the past to start tries from. */
struct stage {
    const struct scene *scene;
    char *past; /* folder; NULL for mem: */
    struct clock_virtual clock;
    struct buf clean; /* the state after an undisturbed act */
    int64_t clean_us; /* the time that it slept */
};
void stage_open(struct stage *stage, enum scene_id id);
void stage_release(struct stage *stage);

/* A try: everything opened on a fresh copy of the past; set the rig's wrappers before. Ends with
 * stage_finish. */
void stage_try(struct stage *stage, struct rig *rig);
/* The folder alone, opened by nobody yet, for a try in another process: rig->dir and rig->clock are set, the
 * next is stage_enter. */
void stage_lay(struct stage *stage, struct rig *rig);
void stage_enter(struct stage *stage, struct rig *rig);
/* Closes the rig's handles but keeps its folder. */
void stage_leave(struct rig *rig);
/* A try that left with success must have done all of it: holds its state against the clean one. */
void stage_look(struct stage *stage, struct rig *rig, const char *what);
/* Runs the act again in a new rig on the same places, undisturbed, and holds the outcome against the clean
 * one; then removes all. `what` names the try in messages. */
void stage_finish(struct stage *stage, struct rig *rig, const char *what);

/* Rows, ledger, rejects, results of checks and claims as text, without what differs from run to run. Asserts
 * that each ledger row's hash is the hash of its rows in the table. */
void scene_state(struct rig *rig, struct buf *out);

#endif
