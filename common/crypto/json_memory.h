#ifndef CERTPOOL_CRYPTO_JSON_MEMORY_H
#define CERTPOOL_CRYPTO_JSON_MEMORY_H

/*
 * Makes jansson wipe all memory that it frees: a JWK's `k` passes through its strings. For a
 * process, once, before any JSON is read or written. It is jansson's one global setting.
 */
void wipe_json_memory(void);

#endif
