/* stop: SIGINT and SIGTERM as a flag that the engine looks at, so that it can roll back first. */
#ifndef SLUICE_TOOLS_STOP_H
#define SLUICE_TOOLS_STOP_H

#include <stdatomic.h>
#include <stdint.h>

/* From now on the first signal only sets the flag; a second one kills at once. A signal that was ignored
 * stays so. */
void stop_catch(void);

/* The same with time to finish: the first signal sets stop_ending(), and the flag only after grace_ms, or at
 * the second signal; a third one kills. */
void stop_catch_grace(int64_t grace_ms);

/* The signal's number once the end was asked for, else 0. */
const atomic_int *stop_ending(void);

/* From now on a reader that went away (SIGPIPE) or a file that may not grow (SIGXFSZ) is an error of the
 * write, and no end in the middle of a load. */
void stop_ignore_broken_output(void);

/* The signal's number once one came, else 0. */
const atomic_int *stop_flag(void);

/* Ends the process by the signal that came, so that a shell sees it; returns if none came, or after
 * stop_forget(). */
void stop_reraise(void);

/* The signal was what ends this command in good order. */
void stop_forget(void);

#endif
