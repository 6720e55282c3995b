/*
 * s3_xml: answers in XML. The only file that uses expat.
 *
 * Invariants: expat's memory comes from core/base/mem.h; the path never exceeds XML_PATH_MAX, the text of an
 * element never XML_TEXT_MAX, the depth never XML_DEPTH_MAX; the first error stops the parser. Text of a
 * parent that stands around a child is dropped, as S3 puts only space there.
 */
#include "backends/s3_xml.h"

#include <expat.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"

struct parse {
    XML_Parser parser;
    xml_element_fn *fn;
    void *ctx;
    struct err *err;
    char path[XML_PATH_MAX];
    int depth;
    struct buf text;
};

static void stop(struct parse *parse)
{
    XML_StopParser(parse->parser, XML_FALSE);
}

static void XMLCALL element_begins(void *ctx, const XML_Char *name, const XML_Char **attributes)
{
    struct parse *parse = ctx;
    size_t len = strlen(parse->path);

    (void)attributes;
    if (++parse->depth > XML_DEPTH_MAX || len + strlen(name) + 2 > sizeof parse->path) {
        err_set(parse->err, ERRN_CONFIG, "the answer is XML that is deeper than any of S3");
        stop(parse);
        return;
    }
    snprintf(parse->path + len, sizeof parse->path - len, "%s%s", len ? "/" : "", name);
    buf_clear(&parse->text);
}

static void XMLCALL element_ends(void *ctx, const XML_Char *name)
{
    struct parse *parse = ctx;
    char *cut;

    (void)name;
    if (parse->err->code != ERR_OK || parse->fn(parse->ctx, parse->path, buf_str(&parse->text), parse->err)) {
        stop(parse);
        return;
    }
    parse->depth--;
    cut = strrchr(parse->path, '/');
    *(cut ? cut : parse->path) = '\0';
    buf_clear(&parse->text);
}

static void XMLCALL text_comes(void *ctx, const XML_Char *text, int len)
{
    struct parse *parse = ctx;

    if (parse->err->code == ERR_OK && buf_append(&parse->text, text, (size_t)len, parse->err) != ERR_OK) {
        stop(parse);
    }
}

static void XMLCALL doctype_comes(void *ctx, const XML_Char *name, const XML_Char *system_id,
                                  const XML_Char *public_id, int internal)
{
    struct parse *parse = ctx;

    (void)name;
    (void)system_id;
    (void)public_id;
    (void)internal;
    err_set(parse->err, ERRN_CONFIG,
            "the answer has a DOCTYPE, which no S3 server sends: check the endpoint");
    stop(parse);
}

/* An answer that was cut short, or is something else altogether. */
static enum err_code refused(const struct parse *parse, struct err *err)
{
    enum XML_Error why = XML_GetErrorCode(parse->parser);

    switch (why) {
    case XML_ERROR_NO_MEMORY:
        return err_nomem(err);
    case XML_ERROR_NO_ELEMENTS:
    case XML_ERROR_UNCLOSED_TOKEN:
    case XML_ERROR_PARTIAL_CHAR:
    case XML_ERROR_UNCLOSED_CDATA_SECTION:
        return err_set(err, ERRN_STORE_TRUNCATED, "the answer's XML is cut short");
    default:
        return err_set(err, ERRN_CONFIG,
                       "the answer is not XML as S3 sends it (%s, line %lu): check the endpoint",
                       XML_ErrorString(why), (unsigned long)XML_GetCurrentLineNumber(parse->parser));
    }
}

enum err_code xml_parse(const void *data, size_t len, xml_element_fn *fn, void *ctx, struct err *err)
{
    static const XML_Memory_Handling_Suite memory = {mem_alloc, mem_realloc, mem_free};
    struct parse parse = {.fn = fn, .ctx = ctx, .err = err};

    if (len > INT_MAX) {
        return err_set(err, ERRN_LIMIT, "an XML answer of %zu bytes", len);
    }
    parse.parser = XML_ParserCreate_MM(NULL, &memory, NULL);
    if (!parse.parser) {
        return err_nomem(err);
    }
    buf_init(&parse.text, XML_TEXT_MAX);
    XML_SetUserData(parse.parser, &parse);
    XML_SetElementHandler(parse.parser, element_begins, element_ends);
    XML_SetCharacterDataHandler(parse.parser, text_comes);
    XML_SetStartDoctypeDeclHandler(parse.parser, doctype_comes);
    if (XML_Parse(parse.parser, len ? data : "", (int)len, 1) != XML_STATUS_OK && err->code == ERR_OK) {
        refused(&parse, err);
    }
    XML_ParserFree(parse.parser);
    buf_release(&parse.text);
    return err->code;
}

static enum err_code take_fault(void *ctx, const char *path, const char *text, struct err *err)
{
    struct s3_fault *fault = ctx;

    (void)err;
    if (strcmp(path, "Error/Code") == 0) {
        snprintf(fault->code, sizeof fault->code, "%s", text);
    } else if (strcmp(path, "Error/Message") == 0) {
        snprintf(fault->message, sizeof fault->message, "%s", text);
    } else if (strcmp(path, "Error/Region") == 0) {
        snprintf(fault->region, sizeof fault->region, "%s", text);
    }
    return ERR_OK;
}

int s3_fault_parse(const void *data, size_t len, struct s3_fault *out)
{
    struct err err = ERR_INIT;

    *out = (struct s3_fault){0};
    /* What came before a defect is still true: the code decides about a retry. */
    (void)!xml_parse(data, len, take_fault, out, &err);
    return out->code[0] != '\0';
}
