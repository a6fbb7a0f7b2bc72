# Read by CMake when it compiles gRPC's C++ core for the crate grpcio-sys: see config.toml beside it.
#
# Most of that time goes into parsing the same headers again and again, so those that most files need are parsed once. And xDS,
# by which a service mesh steers gRPC, is left out: a client of Falco has an address. Without this file, or with a CMake before
# 3.19, all of it is compiled, which takes longer.

function(lean_grpc)
    if(NOT TARGET grpc)
        return()
    endif()
    get_target_property(sources grpc SOURCES)
    # What gRPC's own macro GRPC_NO_XDS makes unreachable.
    list(FILTER sources EXCLUDE REGEX
        "^src/core/(ext/xds|ext/filters/(rbac|stateful_session)|ext/filters/client_channel/(lb_policy|resolver)/(xds|ring_hash|google_c2p)|lib/security/credentials/xds)/")
    set_target_properties(grpc PROPERTIES SOURCES "${sources}")
    target_compile_definitions(grpc PRIVATE GRPC_NO_XDS)
    foreach(header
            grpc/support/port_platform.h algorithm functional map memory string vector
            absl/status/statusor.h absl/strings/str_format.h absl/strings/str_join.h
            src/core/lib/channel/channel_args.h src/core/lib/slice/slice.h src/core/lib/transport/transport.h)
        target_precompile_headers(grpc PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:<${header}$<ANGLE-R>>")
    endforeach()
    if(CMAKE_CXX_COMPILER_LAUNCHER MATCHES ccache AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        target_compile_options(grpc PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>")
    endif()
endfunction()

# Where this file takes the place of another.
if(NOT "$ENV{CMAKE_TOOLCHAIN_FILE}" STREQUAL "")
    include("$ENV{CMAKE_TOOLCHAIN_FILE}")
endif()
# The crate cmake does not tell the compiler where there is a toolchain file; CMake itself knows CC and CXX.
string(REPLACE "-" "_" triple "$ENV{TARGET}")
foreach(name "HOST_CC" "CC_${triple}" "CC_$ENV{TARGET}") # the last one wins, as with the crate cc
    if(NOT "$ENV{${name}}" STREQUAL "")
        string(REPLACE " " ";" CMAKE_C_COMPILER "$ENV{${name}}")
    endif()
endforeach()
foreach(name "HOST_CXX" "CXX_${triple}" "CXX_$ENV{TARGET}")
    if(NOT "$ENV{${name}}" STREQUAL "")
        string(REPLACE " " ";" CMAKE_CXX_COMPILER "$ENV{${name}}")
    endif()
endforeach()

# Whoever has ccache compiles it once for all target folders. It takes files with precompiled headers only when it is told to.
if("$ENV{CMAKE_CXX_COMPILER_LAUNCHER}" STREQUAL "")
    find_program(CCACHE ccache)
    if(CCACHE)
        # It fails where it cannot have its folder.
        execute_process(COMMAND "${CCACHE}" --show-stats RESULT_VARIABLE status OUTPUT_QUIET ERROR_QUIET)
        if(status EQUAL 0)
            set(CMAKE_C_COMPILER_LAUNCHER "${CCACHE}")
            set(CMAKE_CXX_COMPILER_LAUNCHER
                "${CMAKE_COMMAND};-E;env;CCACHE_SLOPPINESS=$ENV{CCACHE_SLOPPINESS},pch_defines,time_macros;${CCACHE}")
        endif()
    endif()
endif()

get_property(trial GLOBAL PROPERTY IN_TRY_COMPILE)
if(NOT trial AND CMAKE_VERSION VERSION_GREATER_EQUAL 3.19)
    # When all targets are known.
    cmake_language(DEFER DIRECTORY "${CMAKE_SOURCE_DIR}" CALL lean_grpc)
endif()
