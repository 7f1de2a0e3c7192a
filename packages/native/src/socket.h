/* Socket addresses as they come from TypeScript; shared by the stream and datagram files. */
#ifndef HEDDLE_SOCKET_H
#define HEDDLE_SOCKET_H

#include "addon.h"

#include <netinet/in.h>
#include <sys/socket.h>

struct heddle_endpoint {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
    socklen_t length;
};

/*
 * Reads three arguments: address bytes, port, scope. Throws a TypeError and returns false on
 * anything else.
 */
bool heddle_get_endpoint(napi_env env, napi_value *args, struct heddle_endpoint *out);

#endif
