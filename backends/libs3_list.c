/*
 * libs3_list: ListObjects by marker.
 *
 * libs3 hands out what it parsed and calls every answer of 200 a success, also one that broke off in the
 * middle or is another document altogether (an <Error>, a login page): a listing that lacks keys, or all of
 * them. So the end is believed on evidence only:
 * - The last key is asked for again. An answer that holds it, nothing after it and no sign of more is the
 * end: servers write that sign before the keys.
 * - Where there is no key to ask for again, the same is asked with a longer marker. Only a listing repeats
 * the marker, so only a listing grows by it.
 *
 * Other invariants: one page is in memory, never more; keys ascend over all pages; a key that XML could not
 * carry (servers write U+FFFD) fails the listing. Keys that no store can have are passed over and counted.
 *
 * A flat listing jumps over a folder behind its first page of keys, by a marker that is behind them all. It
 * does not ask with a delimiter: libs3 garbles the folders that come then, and a broken answer would name a
 * next marker behind keys that were lost.
 *
 * States: PAGE --its keys used up--> the next page where it was truncated, else CLAIMED --evidence--> ENDED,
 * or against it --> PAGE again, a few times.
 */
#include "backends/libs3_list.h"

#include <stdio.h>
#include <string.h>

#include "backends/s3_list.h"
#include "core/base/log.h"
#include "core/base/mem.h"

enum {
    PAGE_KEYS_MAX = 1000, /* no server gives more */
    PAGE_TEXT_MAX = PAGE_KEYS_MAX * (STORE_KEY_MAX + 1),
    LISTED_KEY_MAX = 1022, /* libs3 keeps 1,023 bytes of a key, cut or not */
    ROUNDS_MAX = 5,
    ENCODED_MAX = 3 * S3_MAX_KEY_SIZE - 1, /* libs3 encodes into a buffer without room for one more */
    URI_MAX = 3400,                        /* libs3 has room for 3,600 bytes of URL, the host included */
};

static const char REPLACED[] = "\xef\xbf\xbd"; /* U+FFFD */
static const char LONGER[] = "!!!!!!!!";
static const char BEHIND[] = "\xf4\x8f\xbf\xbf"; /* the last character there is */

struct entry {
    size_t key; /* offset in page.text */
    int64_t size;
    int64_t mtime_us;
    char etag[STORE_ETAG_MAX + 1];
};

struct page {
    struct libs3_call call;
    struct buf text; /* the keys, each with a NUL */
    struct entry *entries;
    size_t n, cap;
    bool truncated;
    bool beyond; /* the bucket has keys behind those that were asked for: nothing is missing at the end */
};

struct libs3_list {
    struct libs3 *libs3;
    char *prefix; /* with the root */
    enum store_scope scope;
    char *asked; /* the prefix without an end that some servers refuse */
    struct page page;
    size_t used;
    bool claimed, ended;
    unsigned rounds;
    struct buf before, last; /* the last two keys, as they are in the bucket; "" = none */
    struct buf marker;       /* what the next page is asked with: the last key, or behind its folder */
    size_t claim_keys;       /* of the answer that claimed the end, */
    int64_t claim_length;    /* and how long it was */
    unsigned passed_over;
};

static const char *key_at(const struct page *page, size_t i)
{
    return page->text.data + page->entries[i].key;
}

static enum err_code add_entry(struct page *page, const S3ListBucketContent *content, struct err *err)
{
    struct entry entry = {.key = page->text.len,
                          .size = (int64_t)content->size,
                          .mtime_us = content->lastModified > 0 ? content->lastModified * INT64_C(1000000)
                                                                : 0};

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
    if (content->key && strlen(content->key) > LISTED_KEY_MAX) {
        return err_set(err, ERRN_KEY_TOO_LONG,
                       "a key has more than %d bytes, which libs3 cuts in listings (\"%.60s...\"): use s3://",
                       LISTED_KEY_MAX, content->key);
    }
    if (!content->key || !*content->key || !content->eTag || entry.size < 0) {
        return err_set(err, ERRN_CONFIG, "the server's listing has an object without key, size or ETag");
    }
    if (strstr(content->key, REPLACED)) {
        return err_set(err, ERRN_UNSUPPORTED,
                       "a key has bytes that the listings of libs3 cannot carry (\"%.200s\"): use s3://",
                       content->key);
    }
    if (s3_etag(content->eTag, entry.etag, err) == ERR_OK &&
        buf_append(&page->text, content->key, strlen(content->key) + 1, err) == ERR_OK) {
        page->entries[page->n++] = entry;
    }
    return err->code;
}

static S3Status on_keys(int truncated, const char *next, int n, const S3ListBucketContent *contents,
                        int nprefixes, const char **prefixes, void *ctx)
{
    struct page *page = ctx;

    (void)next;
    (void)nprefixes;
    (void)prefixes;
    page->call.moves++;
    page->truncated = truncated;
    for (int i = 0; i < n && page->call.err.code == ERR_OK; i++) {
        (void)!add_entry(page, &contents[i], &page->call.err);
    }
    return page->call.err.code == ERR_OK ? S3StatusOK : S3StatusAbortedByCallback;
}

static enum err_code not_in_order(const struct libs3 *libs3, const char *key, const char *before,
                                  struct err *err)
{
    return err_set(
        err, ERRN_UNSUPPORTED,
        "%s: the server does not list keys in the order of their bytes (\"%.200s\" after \"%.200s\"), "
        "so no listing of it can be trusted",
        libs3->s3->label, key, before);
}

/* As long as libs3 makes it. */
static size_t encoded_len(const char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()/ ";
    size_t len = 0;

    for (; *text; text++) {
        len += strchr(plain, *text) ? 1 : 3;
    }
    return len;
}

/* Drops what is not of the prefix from a page that was asked for without it. */
static void cut_page(struct page *page, const char *prefix)
{
    size_t before = 0, len = strlen(prefix);

    while (before < page->n && strcmp(key_at(page, before), prefix) < 0) {
        before++;
    }
    page->n -= before;
    memmove(page->entries, page->entries + before, page->n * sizeof *page->entries);
    while (page->n > 0 && strncmp(key_at(page, page->n - 1), prefix, len) != 0) {
        page->n--;
        page->beyond = true;
    }
}

static enum err_code check_page(const struct libs3 *libs3, const struct page *page, const char *prefix,
                                struct err *err)
{
    for (size_t i = 0; i < page->n; i++) {
        if (strncmp(key_at(page, i), prefix, strlen(prefix)) != 0) {
            return err_set(err, ERRN_UNSUPPORTED, "%s: the server lists \"%.200s\", which was not asked for",
                           libs3->s3->label, key_at(page, i));
        }
        if (i > 0 && strcmp(key_at(page, i), key_at(page, i - 1)) <= 0) {
            return not_in_order(libs3, key_at(page, i), key_at(page, i - 1), err);
        }
    }
    return ERR_OK;
}

/* A page of keys after the marker ("" = from the start), which is asked for again after a failure in passing.
 * Where prefix and marker are too long for one URL the prefix is left out. */
static enum err_code ask(struct libs3 *libs3, const char *prefix, const char *marker, int max_keys,
                         struct page *page, struct err *err)
{
    S3ListBucketHandler handler = {.responseHandler = libs3_response, .listBucketCallback = on_keys};
    size_t marker_len = encoded_len(marker), prefix_len = encoded_len(prefix);
    bool with_prefix = marker_len == 0 || marker_len + prefix_len <= URI_MAX;
    unsigned attempt = 0;

    if (marker_len > ENCODED_MAX || prefix_len > ENCODED_MAX) {
        return err_set(err, ERRN_KEY_TOO_LONG, "%s: a prefix or key is too long for libs3: use s3://",
                       libs3->s3->label);
    }
    do {
        buf_clear(&page->text);
        page->n = 0;
        page->truncated = page->beyond = false;
        if (libs3_begin(libs3, NULL, "s3:ListBucket", &page->call, err) == ERR_OK) {
            S3_list_bucket(&libs3->bucket, with_prefix && *prefix ? prefix : NULL, *marker ? marker : NULL,
                           NULL, max_keys, libs3->context, &handler, page);
            (void)!libs3_end(&page->call, err);
        }
    } while (s3_again(libs3->s3, &attempt, err));
    if (err->code == ERR_OK && !with_prefix) {
        cut_page(page, prefix);
    }
    return err->code == ERR_OK ? check_page(libs3, page, prefix, err) : err->code;
}

static void page_init(struct page *page)
{
    *page = (struct page){.n = 0};
    buf_init(&page->text, PAGE_TEXT_MAX);
}

static void page_release(struct page *page)
{
    buf_release(&page->text);
    mem_free(page->entries);
}

enum err_code libs3_list_probe(struct libs3 *libs3, struct err *err)
{
    struct page page;

    page_init(&page);
    (void)!ask(libs3, libs3->s3->root, "", 1, &page, err);
    page_release(&page);
    return err->code;
}

enum err_code libs3_list_open(struct libs3 *libs3, const char *prefix, enum store_scope scope,
                              struct libs3_list **out, struct err *err)
{
    struct libs3_list *list = mem_calloc(1, sizeof *list);
    size_t len = strlen(libs3->s3->root) + strlen(prefix) + 1;

    *out = NULL;
    if (!list) {
        return err_nomem(err);
    }
    list->libs3 = libs3;
    list->scope = scope;
    list->ended = s3_prefix_hopeless(prefix) || len > STORE_KEY_MAX + 1;
    page_init(&list->page);
    buf_init(&list->before, STORE_KEY_MAX);
    buf_init(&list->last, STORE_KEY_MAX);
    buf_init(&list->marker, STORE_KEY_MAX);
    list->prefix = mem_alloc(len);
    list->asked = mem_alloc(len);
    if (!list->prefix || !list->asked) {
        libs3_list_close(list);
        return err_nomem(err);
    }
    snprintf(list->prefix, len, "%s%s", libs3->s3->root, prefix);
    memcpy(list->asked, list->prefix, len);
    s3_prefix_cut(list->asked);
    *out = list;
    return ERR_OK;
}

void libs3_list_close(struct libs3_list *list)
{
    if (list) {
        page_release(&list->page);
        buf_release(&list->before);
        buf_release(&list->last);
        buf_release(&list->marker);
        mem_free(list->prefix);
        mem_free(list->asked);
        mem_free(list);
    }
}

/* A key's part behind the prefix has a folder: its length with what stands before and the "/", else 0. */
static size_t folder_len(const struct libs3_list *list, const char *key)
{
    size_t len = strlen(list->prefix);
    const char *slash = strncmp(key, list->prefix, len) == 0 ? strchr(key + len, '/') : NULL;

    return slash ? (size_t)(slash - key) + 1 : 0;
}

/* Keeps the last two keys, and where the next page begins. */
static enum err_code note_last(struct libs3_list *list, struct err *err)
{
    const struct page *page = &list->page;
    struct buf *last = &list->last;
    size_t folder;

    if (page->n == 0) {
        return ERR_OK;
    }
    if (strcmp(key_at(page, 0), buf_str(last)) <= 0) {
        return not_in_order(list->libs3, key_at(page, 0), buf_str(last), err);
    }
    buf_clear(&list->before);
    if (buf_append_str(&list->before, page->n > 1 ? key_at(page, page->n - 2) : buf_str(last), err) !=
        ERR_OK) {
        return err->code;
    }
    buf_clear(last);
    buf_clear(&list->marker);
    if (buf_append_str(last, key_at(page, page->n - 1), err) != ERR_OK) {
        return err->code;
    }
    folder = list->scope == STORE_FLAT ? folder_len(list, buf_str(last)) : 0;
    if (folder == 0 || folder + sizeof BEHIND > STORE_KEY_MAX) {
        return buf_append(&list->marker, last->data, last->len, err);
    }
    return buf_append(&list->marker, last->data, folder, err) == ERR_OK
               ? buf_append_str(&list->marker, BEHIND, err)
               : err->code;
}

static enum err_code next_page(struct libs3_list *list, struct err *err)
{
    struct page *page = &list->page;

    if (ask(list->libs3, list->asked, buf_str(&list->marker), PAGE_KEYS_MAX, page, err) != ERR_OK) {
        return err->code;
    }
    list->ended = page->beyond;
    list->claimed = !page->truncated;
    list->claim_keys = page->n;
    list->claim_length = page->call.length;
    return note_last(list, err);
}

static enum err_code not_proven(const struct libs3_list *list, struct err *err)
{
    return list->claim_length <= 0
               ? err_set(
                     err, ERRN_UNSUPPORTED,
                     "%s: the server does not say how long its listings are, so libs3 cannot tell an empty "
                     "one from a broken one: use s3://",
                     list->libs3->s3->label)
               : err_set(err, ERRN_STORE_TRUNCATED,
                         "%s: the server's answer is no whole listing: correct endpoint, or try again",
                         list->libs3->s3->label);
}

/* There is no key to ask for again: a listing that is asked with a longer marker is longer by it. */
static enum err_code prove_nothing(struct libs3_list *list, bool asked, struct err *err)
{
    const char *from = list->marker.len ? buf_str(&list->marker) : list->asked;
    struct page *page = &list->page;
    char marker[STORE_KEY_MAX + 1];
    int64_t grown;

    if (!asked) { /* the answer that claimed the end had another marker */
        if (ask(list->libs3, list->asked, buf_str(&list->marker), PAGE_KEYS_MAX, page, err) != ERR_OK ||
            page->n > 0) {
            return err->code;
        }
        list->claim_length = page->call.length;
    }
    /* As much of it as fits behind a key or prefix. */
    snprintf(marker, sizeof marker, "%s%s", from, LONGER);
    grown = (int64_t)strlen(marker) - (int64_t)list->marker.len;
    if (ask(list->libs3, list->asked, marker, PAGE_KEYS_MAX, page, err) != ERR_OK || page->n > 0) {
        return err->code;
    }
    list->ended = page->beyond ||
                  (list->claim_length > 0 && grown > 0 && page->call.length >= list->claim_length + grown);
    return list->ended ? ERR_OK : not_proven(list, err);
}

/* The server claims that nothing follows. Keys that show here were had, or come with the next page. */
static enum err_code prove_end(struct libs3_list *list, struct err *err)
{
    bool behind = strcmp(buf_str(&list->marker), buf_str(&list->last)) != 0; /* a folder */
    struct page *page = &list->page;

    list->claimed = false;
    if (++list->rounds > ROUNDS_MAX) {
        return err_set(err, ERRN_STORE_TRUNCATED, "%s: the server's listing ends elsewhere each time",
                       list->libs3->s3->label);
    }
    page->n = 0;
    if (list->claim_keys == 0 && (behind || list->last.len == 0)) {
        (void)!prove_nothing(list, true, err);
    } else if (ask(list->libs3, list->asked, buf_str(&list->before), PAGE_KEYS_MAX, page, err) == ERR_OK) {
        if (page->n > 0 || page->beyond) {
            list->ended = !page->truncated || page->beyond;
            list->ended &= page->n == 0 || strcmp(key_at(page, page->n - 1), buf_str(&list->last)) <= 0;
        } else {
            (void)!prove_nothing(list, false, err);
        }
    }
    page->n = 0;
    return err->code;
}

enum err_code libs3_list_next(struct libs3_list *list, struct store_object *object, bool *more,
                              struct err *err)
{
    struct libs3 *libs3 = list->libs3;
    struct page *page = &list->page;

    *more = false;
    while (list->used < page->n || !list->ended) {
        const struct entry *entry;
        const char *key;

        if (list->used == page->n) {
            list->used = 0;
            if ((list->claimed ? prove_end(list, err) : next_page(list, err)) != ERR_OK) {
                return err->code;
            }
            continue;
        }
        entry = &page->entries[list->used++];
        key = page->text.data + entry->key;
        if (strncmp(key, list->prefix, strlen(list->prefix)) != 0 ||
            (list->scope == STORE_FLAT && folder_len(list, key) > 0)) {
            continue;
        }
        key += strlen(libs3->s3->root);
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
                libs3->s3->label, list->passed_over);
    }
    return ERR_OK;
}
