// Speaks TLS with itself over a socket pair, without certificates, until one end has gone and the other still writes.
#include <openssl/ssl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

static SSL* end(const SSL_METHOD* method, int fd) {
  SSL_CTX* context = SSL_CTX_new(method);
  SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_security_level(context, 0);
  SSL_CTX_set_dh_auto(context, 1);
  SSL_CTX_set_cipher_list(context, "aNULL");
  SSL* tls = SSL_new(context);
  SSL_set_fd(tls, fd);
  return tls;
}

static void* accept_and_leave(void* fd) {
  SSL* tls = end(TLS_server_method(), *(int*)fd);
  if (SSL_accept(tls) != 1) _exit(2);
  close(*(int*)fd);
  return NULL;
}

__attribute__((noinline)) int says_by_tls(SSL* tls) {
  int result = SSL_write(tls, "hello", 5);  // THE LINE
  __asm__ volatile("" : "+r"(result));
  return result;
}

int main(void) {
  int ends[2];
  pthread_t thread;
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return 2;
  pthread_create(&thread, NULL, accept_and_leave, &ends[1]);
  SSL* tls = end(TLS_client_method(), ends[0]);
  if (SSL_connect(tls) != 1) return 2;
  pthread_join(thread, NULL);
  return says_by_tls(tls) > 0 ? 3 : 0;
}
