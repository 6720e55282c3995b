/* tls_cert: certificates for servers of ours. */
#ifndef SLUICE_TESTS_SUPPORT_TLS_CERT_H
#define SLUICE_TESTS_SUPPORT_TLS_CERT_H

/* Writes DIR/cert.pem, which signs itself, and DIR/key.pem for `names` ("IP:127.0.0.1"). Aborts where it
 * cannot. */
void tls_cert_make(const char *dir, const char *names);

#endif
