#ifndef CERTPOOL_CA_PAGE_STYLE_H
#define CERTPOOL_CA_PAGE_STYLE_H

#include "common/base/bytes.h"

/* The style sheet of every page, as it stands between <style> and </style>: always the same. */
void append_page_style(struct buffer *style);

#endif
