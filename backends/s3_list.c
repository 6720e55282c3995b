/*
 * s3_list: ListObjectsV2.
 *
 * Invariants: one page is in memory, never more. Keys are decoded after the whole page is read, and only
 * where it says that it is encoded. A continuation token is opaque, is sent as it came, and never twice in a
 * row; keys must ascend over all pages, so that no loop and no lost page passes for a listing. Keys that no
 * store can have (a folder's "dir/", an empty part) are passed over and counted.
 *
 * States: a page is taken --its keys used up--> the next page, or the end where it was not truncated.
 */
#include "backends/s3_list.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/s3_xml.h"
#include "core/base/hour.h"
#include "core/base/log.h"
#include "core/base/mem.h"

enum {
    PAGE_KEYS_MAX = 1000, /* no server may give more */
    PAGE_TEXT_MAX = PAGE_KEYS_MAX * (3 * STORE_KEY_MAX + 1),
    EMPTY_PAGES_MAX = 100,
    TOKEN_MAX = 8192,
};

struct entry {
    size_t key; /* offset in page.text */
    int64_t size;
    int64_t mtime_us;
    char etag[STORE_ETAG_MAX + 1];
};

struct page {
    struct buf text; /* the keys as they came, each with a NUL */
    struct entry *entries;
    size_t n, cap;
    struct entry now; /* the element that is being read */
    bool has_key, has_etag;
    bool encoded, truncated, complete;
    struct buf next; /* the token */
};

struct s3_list {
    struct s3 *s3;
    char *prefix; /* with the root */
    enum store_scope scope;
    char *asked; /* the prefix without an end that some servers refuse */
    struct page page;
    size_t used;
    bool began, nothing;
    struct buf token; /* that the page was asked with */
    struct buf last;  /* the last key, as it is in the bucket */
    struct buf key;
    unsigned empty_pages;
    unsigned passed_over;
};

enum err_code s3_etag(const char *text, char out[STORE_ETAG_MAX + 1], struct err *err)
{
    size_t len = strlen(text);

    if (len >= 2 && text[0] == '"' && text[len - 1] == '"') {
        text++;
        len -= 2;
    }
    if (len == 0 || len > STORE_ETAG_MAX) {
        return err_set(err, ERRN_UNSUPPORTED,
                       "the server gives no usable ETag, which tells versions of an object "
                       "apart");
    }
    memcpy(out, text, len);
    out[len] = '\0';
    return ERR_OK;
}

static enum err_code add_entry(struct page *page, struct err *err)
{
    if (!page->has_key || !page->has_etag || page->now.size < 0) {
        return err_set(err, ERRN_CONFIG, "the server's listing has an object without key, size or ETag");
    }
    if (page->n == page->cap) {
        size_t cap = page->cap ? 2 * page->cap : 64;
        struct entry *grown = page->n < PAGE_KEYS_MAX ? mem_realloc(page->entries, cap * sizeof *grown)
                                                      : NULL;

        if (!grown) {
            return page->n < PAGE_KEYS_MAX
                       ? err_nomem(err)
                       : err_set(err, ERRN_LIMIT, "the server lists more than %d keys at once",
                                 PAGE_KEYS_MAX);
        }
        page->entries = grown;
        page->cap = cap;
    }
    page->entries[page->n++] = page->now;
    page->now = (struct entry){.size = -1};
    page->has_key = page->has_etag = false;
    return ERR_OK;
}

static int64_t number(const char *text)
{
    char *end;
    long long value;

    errno = 0;
    value = isdigit((unsigned char)*text) ? strtoll(text, &end, 10) : -1;
    return value < 0 || errno || *end ? -1 : value;
}

/* One element of a page. */
static enum err_code take(void *ctx, const char *path, const char *text, struct err *err)
{
    static const char root[] = "ListBucketResult";
    struct page *page = ctx;
    struct err ignored = ERR_INIT;

    if (strncmp(path, root, sizeof root - 1) != 0) {
        return strncmp(path, "Error", 5) == 0
                   ? ERR_OK
                   : err_set(err, ERRN_CONFIG, "the answer is no listing of S3: check the endpoint");
    }
    path += sizeof root - 1;
    if (*path == '\0') {
        page->complete = true;
    } else if (strcmp(path, "/EncodingType") == 0) {
        page->encoded = strcmp(text, "url") == 0;
    } else if (strcmp(path, "/IsTruncated") == 0) {
        page->truncated = strcmp(text, "true") == 0;
    } else if (strcmp(path, "/NextContinuationToken") == 0) {
        return buf_append_str(&page->next, text, err);
    } else if (strcmp(path, "/Contents/Key") == 0) {
        page->now.key = page->text.len;
        page->has_key = true;
        return buf_append(&page->text, text, strlen(text) + 1, err);
    } else if (strcmp(path, "/Contents/Size") == 0) {
        page->now.size = number(text);
    } else if (strcmp(path, "/Contents/ETag") == 0) {
        page->has_etag = true;
        return s3_etag(text, page->now.etag, err);
    } else if (strcmp(path, "/Contents/LastModified") == 0) {
        if (time_parse_us(text, &page->now.mtime_us, &ignored) != ERR_OK) {
            page->now.mtime_us = 0;
        }
    } else if (strcmp(path, "/Contents") == 0) {
        return add_entry(page, err);
    }
    return ERR_OK;
}

static void page_clear(struct page *page)
{
    buf_clear(&page->text);
    buf_clear(&page->next);
    page->n = 0;
    page->now = (struct entry){.size = -1};
    page->has_key = page->has_etag = page->encoded = page->truncated = page->complete = false;
}

/* `first`: whether the server is there at all is asked: one key is enough, and it has not much time. */
static enum err_code ask(struct s3 *s3, const char *prefix, enum store_scope scope, const char *token,
                         bool first, struct page *page, struct err *err)
{
    struct s3_op op = {.method = "GET",
                       .right = "s3:ListBucket",
                       .query = {{"list-type", "2"}, {"encoding-type", "url"}, {"prefix", prefix}},
                       .nquery = 3,
                       .xml = true};
    struct http_answer answer;
    unsigned attempt = 0;

    if (token[0]) {
        op.query[op.nquery++] = (struct sign_pair){"continuation-token", token};
    }
    if (scope == STORE_FLAT) {
        op.query[op.nquery++] = (struct sign_pair){"delimiter", "/"};
    }
    if (first) {
        op.query[op.nquery++] = (struct sign_pair){"max-keys", "1"};
        op.silence_s = s3->first_s;
    }
    http_answer_init(&answer);
    do {
        page_clear(page);
        if (s3_call(s3, &op, &answer, err) == ERR_OK) {
            if (xml_parse(answer.body.data, answer.body.len, take, page, err) == ERR_OK && !page->complete) {
                err_set(err, ERRN_STORE_TRUNCATED, "the answer is no listing");
            }
            s3_context(s3, NULL, err);
        }
    } while (!(first && err->native == ETIMEDOUT) && s3_again(s3, &attempt, err));
    http_answer_release(&answer);
    return err->code;
}

static void page_init(struct page *page)
{
    *page = (struct page){0};
    buf_init(&page->text, PAGE_TEXT_MAX);
    buf_init(&page->next, TOKEN_MAX);
}

static void page_release(struct page *page)
{
    buf_release(&page->text);
    buf_release(&page->next);
    mem_free(page->entries);
}

enum err_code s3_list_probe(struct s3 *s3, struct err *err)
{
    struct page page;

    page_init(&page);
    (void)!ask(s3, s3->root, STORE_BELOW, "", true, &page, err);
    page_release(&page);
    return err->code;
}

bool s3_prefix_hopeless(const char *prefix)
{
    const char *slash = strrchr(prefix, '/');
    char part[STORE_KEY_MAX + 1];

    if (!slash) {
        return false;
    }
    snprintf(part, sizeof part, "%.*s", (int)(slash - prefix), prefix);
    return !store_key_valid(part);
}

void s3_prefix_cut(char *prefix)
{
    char *slash = strrchr(prefix, '/');
    char *part = slash ? slash + 1 : prefix;
    size_t len = strlen(prefix), lead = len;

    while (lead > 0 && len - lead < 3 && ((unsigned char)prefix[lead - 1] & 0xc0) == 0x80) {
        lead--;
    }
    if (lead > 0) {
        unsigned char first = (unsigned char)prefix[lead - 1];
        size_t need = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;

        if (len - lead + 1 < need) {
            prefix[lead - 1] = '\0';
        }
    }
    if (strcmp(part, ".") == 0 || strcmp(part, "..") == 0) {
        *part = '\0';
    }
}

enum err_code s3_list_open(struct s3 *s3, const char *prefix, enum store_scope scope, struct s3_list **out,
                           struct err *err)
{
    struct s3_list *list = mem_calloc(1, sizeof *list);
    size_t len = strlen(s3->root) + strlen(prefix) + 1;

    *out = NULL;
    if (!list) {
        return err_nomem(err);
    }
    list->s3 = s3;
    list->scope = scope;
    list->nothing = s3_prefix_hopeless(prefix);
    page_init(&list->page);
    buf_init(&list->token, TOKEN_MAX);
    buf_init(&list->last, STORE_KEY_MAX);
    buf_init(&list->key, 3 * STORE_KEY_MAX);
    list->prefix = mem_alloc(len);
    list->asked = mem_alloc(len);
    if (!list->prefix || !list->asked) {
        s3_list_close(list);
        return err_nomem(err);
    }
    snprintf(list->prefix, len, "%s%s", s3->root, prefix);
    memcpy(list->asked, list->prefix, strlen(list->prefix) + 1);
    s3_prefix_cut(list->asked);
    *out = list;
    return ERR_OK;
}

void s3_list_close(struct s3_list *list)
{
    if (list) {
        page_release(&list->page);
        buf_release(&list->token);
        buf_release(&list->last);
        buf_release(&list->key);
        mem_free(list->prefix);
        mem_free(list->asked);
        mem_free(list);
    }
}

static int hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A key as it is in the bucket, from one as it stands in a page. */
static enum err_code decode(const char *text, bool encoded, struct buf *out, struct err *err)
{
    enum err_code code = ERR_OK;

    buf_clear(out);
    for (; *text && code == ERR_OK; text++) {
        char c = *text;

        if (encoded && c == '+') {
            c = ' ';
        } else if (encoded && c == '%') {
            int high = hex(text[1]), low = high < 0 ? -1 : hex(text[2]);

            if (low < 0 || high + low == 0) {
                return err_set(err, ERRN_CONFIG,
                               "the server's listing has a key that is not encoded as it says");
            }
            c = (char)(high << 4 | low);
            text += 2;
        }
        code = buf_append_char(out, c, err);
    }
    return code;
}

static enum err_code next_page(struct s3_list *list, struct err *err)
{
    struct page *page = &list->page;

    if (list->began) {
        if (page->next.len == 0 || strcmp(buf_str(&page->next), buf_str(&list->token)) == 0) {
            return err_set(
                err, ERRN_UNSUPPORTED,
                "%s: the server's listing goes on, but it gives %s: nothing is loaded from such a listing",
                list->s3->label, page->next.len ? "the same page again" : "no token for it");
        }
        buf_clear(&list->token);
        if (buf_append(&list->token, page->next.data, page->next.len, err) != ERR_OK) {
            return err->code;
        }
    }
    list->began = true;
    list->used = 0;
    if (ask(list->s3, list->asked, list->scope, buf_str(&list->token), false, page, err) != ERR_OK) {
        return err->code;
    }
    list->empty_pages = page->n ? 0 : list->empty_pages + 1;
    if (list->empty_pages > EMPTY_PAGES_MAX) {
        return err_set(err, ERRN_UNSUPPORTED, "%s: the server lists page after page without a key",
                       list->s3->label);
    }
    return ERR_OK;
}

/* The key of an entry, decoded into list->key and looked at. */
static enum err_code take_key(struct s3_list *list, const struct entry *entry, struct err *err)
{
    if (decode(list->page.text.data + entry->key, list->page.encoded, &list->key, err) != ERR_OK) {
        return s3_context(list->s3, NULL, err);
    }
    if (list->key.len > STORE_KEY_MAX) {
        return err_set(err, ERRN_KEY_TOO_LONG, "%s: the server lists a key of %zu bytes", list->s3->label,
                       list->key.len);
    }
    if (list->last.len > 0 && strcmp(buf_str(&list->key), buf_str(&list->last)) <= 0) {
        return err_set(
            err, ERRN_UNSUPPORTED,
            "%s: the server does not list keys in the order of their bytes (\"%.200s\" after \"%.200s\"), "
            "so no listing of it can be trusted",
            list->s3->label, buf_str(&list->key), buf_str(&list->last));
    }
    if (strncmp(buf_str(&list->key), list->asked, strlen(list->asked)) != 0) {
        return err_set(err, ERRN_UNSUPPORTED, "%s: the server lists \"%.200s\", which was not asked for",
                       list->s3->label, buf_str(&list->key));
    }
    buf_clear(&list->last);
    return buf_append(&list->last, buf_str(&list->key), list->key.len, err);
}

enum err_code s3_list_next(struct s3_list *list, struct store_object *object, bool *more, struct err *err)
{
    *more = false;
    while (!list->nothing) {
        const struct entry *entry;
        const char *key;

        if (list->used == list->page.n) {
            if (list->began && !list->page.truncated) {
                break;
            }
            if (next_page(list, err) != ERR_OK) {
                return err->code;
            }
            continue;
        }
        entry = &list->page.entries[list->used++];
        if (take_key(list, entry, err) != ERR_OK) {
            return err->code;
        }
        if (strncmp(buf_str(&list->key), list->prefix, strlen(list->prefix)) != 0) {
            continue;
        }
        /* A server that knows no delimiter lists all. */
        if (list->scope == STORE_FLAT && strchr(buf_str(&list->key) + strlen(list->prefix), '/')) {
            continue;
        }
        key = buf_str(&list->key) + strlen(list->s3->root);
        if (!store_key_valid(key)) {
            list->passed_over++;
            continue;
        }
        *object = (struct store_object){
            .size = entry->size, .etag_trusted = true, .mtime_us = entry->mtime_us};
        snprintf(object->key, sizeof object->key, "%s", key);
        snprintf(object->etag, sizeof object->etag, "%s", entry->etag);
        *more = true;
        return ERR_OK;
    }
    if (list->passed_over > 0) {
        log_msg(LOG_DEBUG,
                "%s: %u keys passed over: they end with \"/\" or have an empty, \".\" or \"..\" part",
                list->s3->label, list->passed_over);
    }
    return ERR_OK;
}
