/*
 * yaml_text: writes scalars and comments.
 *
 * libyaml's reader refuses control characters, U+0080 to U+009F and a few others even in comments, and takes
 * U+0085, U+2028 and U+2029 as line ends; so each code point that is not plainly printable is escaped.
 * Invariant: nothing that is data ends a scalar or a comment, or begins a reference.
 */
#include "tools/yaml_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/data/types.h"

/* The code point at p and its bytes; 0 bytes where there is none. */
static size_t decode(const char *p, size_t left, unsigned *point)
{
    const unsigned char *b = (const unsigned char *)p;
    for (size_t n = 1; n <= 4 && n <= left; n++) {
        if (utf8_length(p, n) != 1)
            continue;
        *point = n == 1 ? b[0] : n == 2 ? b[0] & 0x1Fu : n == 3 ? b[0] & 0x0Fu : b[0] & 0x07u;
        for (size_t i = 1; i < n; i++)
            *point = *point << 6 | (b[i] & 0x3Fu);
        return n;
    }
    return 0;
}

static bool is_printable(unsigned point)
{
    return (point >= ' ' && point <= '~') ||
           (point >= 0xA0 && point < 0xFFF0 && point != 0x2028 && point != 0x2029 && point != 0xFEFF) ||
           point > 0xFFFF;
}

static bool is_word_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

/* Safe as a plain scalar in flow and block, in every schema of YAML. */
static bool is_plain(const char *text)
{
    static const char *const words[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"};
    size_t len = strlen(text);
    if (!is_word_char(text[0]))
        return false;
    for (size_t i = 0; i < len; i++) {
        bool colon = text[i] == ':' && i + 1 < len && text[i + 1] != ':';
        if (!is_word_char(text[i]) && !strchr("./=%*-(", text[i]) && text[i] != ')' && !colon)
            return false;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasecmp(text, words[i]) == 0)
            return false;
    return true;
}

static enum err_code put_quoted(struct buf *out, const char *text, struct err *err)
{
    size_t len = strlen(text);
    unsigned point = 0;
    for (size_t i = 0; i < len && err->code == ERR_OK;) {
        size_t n = decode(text + i, len - i, &point);
        if (n == 0)
            return err_set(err, ERRN_CONFIG,
                           "a pipeline file is UTF-8, and cannot hold the bytes of this name");
        if (point == '"' || point == '\\')
            (void)!buf_printf(out, err, "\\%c", (char)point);
        else if (point == '\t')
            (void)!buf_append_str(out, "\\t", err);
        else if (point == '$' && text[i + 1] == '{')
            (void)!buf_append_str(out, "$$", err);
        else if (is_printable(point))
            (void)!buf_append(out, text + i, n, err);
        else
            (void)!buf_printf(out, err, point < 0x100 ? "\\x%02X" : "\\u%04X", point);
        i += n;
    }
    return err->code;
}

enum err_code yaml_scalar(struct buf *out, const char *text, struct err *err)
{
    if (is_plain(text))
        return buf_append_str(out, text, err);
    if (buf_append_char(out, '"', err) == ERR_OK && put_quoted(out, text, err) == ERR_OK)
        (void)!buf_append_char(out, '"', err);
    return err->code;
}

enum err_code yaml_comment_text(struct buf *out, const char *text, struct err *err)
{
    size_t len = strlen(text);
    unsigned point = 0;
    for (size_t i = 0; i < len && err->code == ERR_OK;) {
        size_t n = decode(text + i, len - i, &point);
        if (n > 0 && is_printable(point))
            (void)!buf_append(out, text + i, n, err);
        for (size_t k = 0; k < (n ? n : 1) && (n == 0 || !is_printable(point)); k++)
            (void)!buf_printf(out, err, "\\x%02X", (unsigned char)text[i + k]);
        i += n ? n : 1;
    }
    return err->code;
}

/* One line of the source, in lines of the width, divided at spaces. */
static enum err_code put_wrapped(struct buf *out, int indent, const char *text, size_t len, struct err *err)
{
    size_t room = (size_t)(YAML_WIDTH - indent - 2);
    do {
        char line[YAML_COMMENT_MAX + 1];
        size_t n = len;
        if (n > room) {
            n = room;
            while (n > 0 && text[n] != ' ')
                n--;
            if (n == 0) /* a long word stays whole */
                for (n = room; n < len && text[n] != ' ';)
                    n++;
        }
        memcpy(line, text, n);
        line[n] = '\0';
        if (buf_printf(out, err, "%*s#%s", indent, "", n ? " " : "") || yaml_comment_text(out, line, err) ||
            buf_append_char(out, '\n', err))
            return err->code;
        text += n;
        len -= n;
        while (len > 0 && *text == ' ') {
            text++;
            len--;
        }
    } while (len > 0);
    return ERR_OK;
}

enum err_code yaml_comment(struct buf *out, int indent, struct err *err, const char *fmt, ...)
{
    char text[YAML_COMMENT_MAX + 1];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (n < 0)
        return err_set(err, ERRN_INTERNAL, "a comment's format");
    const char *line = text;
    for (;;) {
        size_t len = strcspn(line, "\n");
        if (put_wrapped(out, indent, line, len, err) || !line[len])
            return err->code;
        line += len + 1;
    }
}

enum err_code shell_word(struct buf *out, const char *text, struct err *err)
{
    bool plain = text[0] && text[0] != '~';
    for (const char *p = text; *p && plain; p++)
        plain = is_word_char(*p) || strchr("./=:,+@%~-", *p);
    if (plain)
        return buf_append_str(out, text, err);
    (void)!buf_append_char(out, '\'', err);
    for (const char *p = text; *p && err->code == ERR_OK; p++)
        (void)!(*p == '\'' ? buf_append_str(out, "'\\''", err) : buf_append_char(out, *p, err));
    return err->code ? err->code : buf_append_char(out, '\'', err);
}
