/* infer_json: what was inferred, for programs (-o json, csv, --summary). */
#ifndef SLUICE_TOOLS_INFER_JSON_H
#define SLUICE_TOOLS_INFER_JSON_H

#include "tools/infer_yaml.h"
#include "tools/out.h"

/* yaml: the pipeline file's text. */
enum err_code infer_json(const struct infer_doc *doc, const char *yaml, struct out *out,
                         struct err *err) MUST_USE;

#endif
