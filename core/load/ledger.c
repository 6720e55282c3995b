/* ledger: see ledger.h. Each equation has one side from the reader or the store and the other from whoever
 * took the data. */
#include "core/load/ledger.h"

#include <inttypes.h>

static enum err_code differ(const char *what, int64_t a, int64_t b, struct err *err)
{
    return err_set(err, ERRN_CONSERVATION, "%s: %" PRId64 " is not %" PRId64, what, a, b);
}

enum err_code ledger_check_object(const struct object_tally *t, struct err *err)
{
    const struct csv_counts *c = &t->csv;
    int64_t parts = c->bytes_bom + c->bytes_records + c->bytes_blank;
    int64_t records = c->records - t->other_records;
    if (t->raw_bytes != t->object_size)
        return differ("bytes read against the object's size", t->raw_bytes, t->object_size, err);
    if (c->bytes != t->decoded_bytes)
        return differ("bytes parsed against bytes decoded", c->bytes, t->decoded_bytes, err);
    if (parts != t->decoded_bytes)
        return differ("BOM, header, records and blank lines against bytes decoded", parts, t->decoded_bytes,
                      err);
    if (records != t->rows_loaded + t->rows_rejected)
        return differ("records read against loaded and rejected", records, t->rows_loaded + t->rows_rejected,
                      err);
    return ERR_OK;
}

enum err_code ledger_check_stored(int64_t rows_sent, int64_t rows_stored, int64_t rejects_sent,
                                  int64_t rejects_stored, struct err *err)
{
    if (rows_sent != rows_stored)
        return differ("rows sent against rows the database counted", rows_sent, rows_stored, err);
    if (rejects_sent != rejects_stored)
        return differ("rejects sent against rejects the database counted", rejects_sent, rejects_stored, err);
    return ERR_OK;
}
