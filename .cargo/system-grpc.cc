// Whether the crate grpcio-sys can use the gRPC of the system: this compiles and links as that crate does it, which is in
// C++11 with warnings denied, if it can. Its declarations are made from gRPC 1.56's headers, whatever the system has. So
// this repeats what the crates grpcio and grpcio-sys declare and call; one that differs is an error here, and not a crash later.
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_posix.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/alloc.h>
#include <grpc/support/cpu.h>
#include <grpc/support/log.h>
#include <grpc/support/port_platform.h>
#include <grpc/support/string_util.h>
#include <grpc/support/thd_id.h>
#include <grpc/support/time.h>
#include <stddef.h>
#if __has_include(<grpc/credentials.h>) // where newer ones declare a part of the above
#include <grpc/credentials.h>
#endif

#define FUNCTIONS(FUNCTION) \
    FUNCTION(gpr_timespec, gpr_convert_clock_type, (gpr_timespec, gpr_clock_type)) \
    FUNCTION(unsigned, gpr_cpu_num_cores, (void)) \
    FUNCTION(void, gpr_free, (void*)) \
    FUNCTION(gpr_timespec, gpr_inf_future, (gpr_clock_type)) \
    FUNCTION(void*, gpr_malloc, (size_t)) \
    FUNCTION(gpr_timespec, gpr_now, (gpr_clock_type)) \
    FUNCTION(void*, gpr_realloc, (void*, size_t)) \
    FUNCTION(void, gpr_set_log_function, (gpr_log_func)) \
    FUNCTION(void, gpr_set_log_verbosity, (gpr_log_severity)) \
    FUNCTION(char*, gpr_strdup, (const char*)) \
    FUNCTION(int, gpr_time_cmp, (gpr_timespec, gpr_timespec)) \
    FUNCTION(grpc_auth_property_iterator, grpc_auth_context_peer_identity, (const grpc_auth_context*)) \
    FUNCTION(const char*, grpc_auth_context_peer_identity_property_name, (const grpc_auth_context*)) \
    FUNCTION(int, grpc_auth_context_peer_is_authenticated, (const grpc_auth_context*)) \
    FUNCTION(grpc_auth_property_iterator, grpc_auth_context_property_iterator, (const grpc_auth_context*)) \
    FUNCTION(void, grpc_auth_context_release, (grpc_auth_context*)) \
    FUNCTION(const grpc_auth_property*, grpc_auth_property_iterator_next, (grpc_auth_property_iterator*)) \
    FUNCTION(grpc_byte_buffer*, grpc_byte_buffer_copy, (grpc_byte_buffer*)) \
    FUNCTION(void, grpc_byte_buffer_destroy, (grpc_byte_buffer*)) \
    FUNCTION(size_t, grpc_byte_buffer_length, (grpc_byte_buffer*)) \
    FUNCTION(void, grpc_byte_buffer_reader_destroy, (grpc_byte_buffer_reader*)) \
    FUNCTION(int, grpc_byte_buffer_reader_init, (grpc_byte_buffer_reader*, grpc_byte_buffer*)) \
    FUNCTION(int, grpc_byte_buffer_reader_next, (grpc_byte_buffer_reader*, grpc_slice*)) \
    FUNCTION(grpc_auth_context*, grpc_call_auth_context, (grpc_call*)) \
    FUNCTION(grpc_call_error, grpc_call_cancel, (grpc_call*, void*)) \
    FUNCTION(void, grpc_call_details_destroy, (grpc_call_details*)) \
    FUNCTION(char*, grpc_call_get_peer, (grpc_call*)) \
    FUNCTION(void, grpc_call_ref, (grpc_call*)) \
    FUNCTION(grpc_call_error, grpc_call_start_batch, (grpc_call*, const grpc_op*, size_t, void*, void*)) \
    FUNCTION(void, grpc_call_unref, (grpc_call*)) \
    FUNCTION(grpc_connectivity_state, grpc_channel_check_connectivity_state, (grpc_channel*, int)) \
    FUNCTION(grpc_channel*, grpc_channel_create, (const char*, grpc_channel_credentials*, const grpc_channel_args*)) \
    FUNCTION(grpc_call*, grpc_channel_create_call, (grpc_channel*, grpc_call*, uint32_t, grpc_completion_queue*, grpc_slice, const grpc_slice*, gpr_timespec, void*)) \
    FUNCTION(grpc_channel*, grpc_channel_create_from_fd, (const char*, int, grpc_channel_credentials*, const grpc_channel_args*)) \
    FUNCTION(void, grpc_channel_credentials_release, (grpc_channel_credentials*)) \
    FUNCTION(void, grpc_channel_destroy, (grpc_channel*)) \
    FUNCTION(void, grpc_channel_watch_connectivity_state, (grpc_channel*, grpc_connectivity_state, gpr_timespec, grpc_completion_queue*, void*)) \
    FUNCTION(char*, grpc_channelz_get_channel, (intptr_t)) \
    FUNCTION(char*, grpc_channelz_get_server, (intptr_t)) \
    FUNCTION(char*, grpc_channelz_get_server_sockets, (intptr_t, intptr_t, intptr_t)) \
    FUNCTION(char*, grpc_channelz_get_servers, (intptr_t)) \
    FUNCTION(char*, grpc_channelz_get_socket, (intptr_t)) \
    FUNCTION(char*, grpc_channelz_get_subchannel, (intptr_t)) \
    FUNCTION(char*, grpc_channelz_get_top_channels, (intptr_t)) \
    FUNCTION(grpc_completion_queue*, grpc_completion_queue_create_for_next, (void*)) \
    FUNCTION(void, grpc_completion_queue_destroy, (grpc_completion_queue*)) \
    FUNCTION(grpc_event, grpc_completion_queue_next, (grpc_completion_queue*, gpr_timespec, void*)) \
    FUNCTION(void, grpc_completion_queue_shutdown, (grpc_completion_queue*)) \
    FUNCTION(grpc_slice, grpc_empty_slice, (void)) \
    FUNCTION(grpc_channel_credentials*, grpc_google_default_credentials_create, (grpc_call_credentials*)) \
    FUNCTION(void, grpc_init, (void)) \
    FUNCTION(grpc_channel_credentials*, grpc_insecure_credentials_create, (void)) \
    FUNCTION(grpc_server_credentials*, grpc_insecure_server_credentials_create, (void)) \
    FUNCTION(grpc_channel*, grpc_lame_client_channel_create, (const char*, grpc_status_code, const char*)) \
    FUNCTION(grpc_byte_buffer*, grpc_raw_byte_buffer_create, (grpc_slice*, size_t)) \
    FUNCTION(const grpc_arg_pointer_vtable*, grpc_resource_quota_arg_vtable, (void)) \
    FUNCTION(grpc_resource_quota*, grpc_resource_quota_create, (const char*)) \
    FUNCTION(void, grpc_resource_quota_ref, (grpc_resource_quota*)) \
    FUNCTION(void, grpc_resource_quota_resize, (grpc_resource_quota*, size_t)) \
    FUNCTION(void, grpc_resource_quota_unref, (grpc_resource_quota*)) \
    FUNCTION(void, grpc_server_add_channel_from_fd, (grpc_server*, int, grpc_server_credentials*)) \
    FUNCTION(int, grpc_server_add_http2_port, (grpc_server*, const char*, grpc_server_credentials*)) \
    FUNCTION(void, grpc_server_cancel_all_calls, (grpc_server*)) \
    FUNCTION(grpc_server*, grpc_server_create, (const grpc_channel_args*, void*)) \
    FUNCTION(void, grpc_server_credentials_release, (grpc_server_credentials*)) \
    FUNCTION(void, grpc_server_destroy, (grpc_server*)) \
    FUNCTION(void, grpc_server_register_completion_queue, (grpc_server*, grpc_completion_queue*, void*)) \
    FUNCTION(grpc_call_error, grpc_server_request_call, (grpc_server*, grpc_call**, grpc_call_details*, grpc_metadata_array*, grpc_completion_queue*, grpc_completion_queue*, void*)) \
    FUNCTION(void, grpc_server_shutdown_and_notify, (grpc_server*, grpc_completion_queue*, void*)) \
    FUNCTION(void, grpc_server_start, (grpc_server*)) \
    FUNCTION(grpc_slice, grpc_slice_copy, (grpc_slice)) \
    FUNCTION(int, grpc_slice_eq, (grpc_slice, grpc_slice)) \
    FUNCTION(grpc_slice, grpc_slice_from_copied_buffer, (const char*, size_t)) \
    FUNCTION(grpc_slice, grpc_slice_from_static_buffer, (const void*, size_t)) \
    FUNCTION(grpc_slice, grpc_slice_malloc_large, (size_t)) \
    FUNCTION(grpc_slice, grpc_slice_new_with_len, (void*, size_t, void (*)(void*, size_t))) \
    FUNCTION(grpc_slice, grpc_slice_ref, (grpc_slice)) \
    FUNCTION(void, grpc_slice_unref, (grpc_slice)) \
    FUNCTION(grpc_channel_credentials*, grpc_ssl_credentials_create_ex, (const char*, grpc_ssl_pem_key_cert_pair*, const grpc_ssl_verify_peer_options*, void*)) \
    FUNCTION(grpc_ssl_server_certificate_config*, grpc_ssl_server_certificate_config_create, (const char*, const grpc_ssl_pem_key_cert_pair*, size_t)) \
    FUNCTION(grpc_ssl_server_credentials_options*, grpc_ssl_server_credentials_create_options_using_config, (grpc_ssl_client_certificate_request_type, grpc_ssl_server_certificate_config*)) \
    FUNCTION(grpc_ssl_server_credentials_options*, grpc_ssl_server_credentials_create_options_using_config_fetcher, (grpc_ssl_client_certificate_request_type, grpc_ssl_server_certificate_config_callback, void*)) \
    FUNCTION(grpc_server_credentials*, grpc_ssl_server_credentials_create_with_options, (grpc_ssl_server_credentials_options*))

// A declaration that differs from the header's is refused, since both are C's.
#define DECLARE(result, name, arguments) extern "C" result name arguments;
FUNCTIONS(DECLARE)

#define POINTER(result, name, arguments) reinterpret_cast<void (*)()>(&name),
void (*const functions[])() = {FUNCTIONS(POINTER)};

#ifndef GPR_ASSERT
#error "gRPC is too new: it has no GPR_ASSERT"
#endif

#define SAME(left, right) static_assert((left) == (right), "differs from gRPC 1.56")
#define SIZE(type, words) SAME(sizeof(type), (words) * sizeof(void*))
#define PLACE(type, member, words) SAME(offsetof(type, member), (words) * sizeof(void*))

SAME(sizeof(gpr_timespec), 16);
SAME(offsetof(gpr_timespec, tv_nsec), 8);
SAME(offsetof(gpr_timespec, clock_type), 12);
SAME(offsetof(grpc_event, success), sizeof(int));
SAME(sizeof(grpc_event), 2 * sizeof(int) + sizeof(void*));
SIZE(grpc_slice, 4);
PLACE(grpc_slice, data, 1);
SIZE(grpc_metadata, 12);
PLACE(grpc_metadata, value, 4);
SIZE(grpc_metadata_array, 3);
PLACE(grpc_metadata_array, metadata, 2);
SIZE(grpc_channel_args, 2);
PLACE(grpc_channel_args, args, 1);
SIZE(grpc_arg_pointer_vtable, 3);
PLACE(grpc_arg_pointer_vtable, cmp, 2);
SIZE(grpc_byte_buffer_reader, 3);
SIZE(grpc_ssl_pem_key_cert_pair, 2);
PLACE(grpc_ssl_pem_key_cert_pair, cert_chain, 1);
SIZE(grpc_auth_property, 3);
PLACE(grpc_auth_property, value_length, 2);
SIZE(grpc_auth_property_iterator, 3);
SIZE(gpr_log_func_args, 3);
PLACE(gpr_log_func_args, message, 2);

SAME(GPR_TIMESPAN, 3);
SAME(GPR_CLOCK_REALTIME, 1);
SAME(GPR_LOG_SEVERITY_ERROR, 2);
SAME(GRPC_OP_COMPLETE, 2);
SAME(GRPC_CHANNEL_SHUTDOWN, 4);
SAME(GRPC_CALL_ERROR_COMPLETION_QUEUE_SHUTDOWN, 15);
SAME(GRPC_STATUS_UNAUTHENTICATED, 16);
SAME(GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_FAIL, 2);
SAME(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY, 4);
SAME(GRPC_INITIAL_METADATA_WAIT_FOR_READY, 0x20u);
SAME(GRPC_WRITE_BUFFER_HINT, 1u);
SAME(GRPC_WRITE_NO_COMPRESS, 2u);

// The addresses are used, so that none is left out.
int main(int count, char**) { return functions[count % (sizeof(functions) / sizeof(functions[0]))] == nullptr; }
