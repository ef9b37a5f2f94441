# Libraries that Tapeline stands on; scripts/bootstrap.sh installs each of them.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(GTest REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(ZLIB REQUIRED)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(ROCKSDB REQUIRED IMPORTED_TARGET rocksdb)
find_package(CLI11 REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(OpenSSL REQUIRED)  # TLS, and SHA-256, by which evidence is sealed.
find_package(Eigen3 3.3 REQUIRED NO_MODULE)  # Linear algebra of what is fitted to a feed: headers alone.
find_package(Boost 1.74 REQUIRED)  # Beast and Asio: headers alone.
if(TAPELINE_BENCH)
  find_package(benchmark REQUIRED)
endif()

# DuckDB runs SQL and, in the tests, reads what the sinks wrote. Its library is copied into the build folder, so that a
# build folder stays whole when it is moved.
set(TAPELINE_DUCKDB_DIR "${CMAKE_SOURCE_DIR}/third_party/duckdb" CACHE PATH "Where scripts/fetch_duckdb.sh put DuckDB")
find_path(DUCKDB_INCLUDE duckdb.h HINTS ${TAPELINE_DUCKDB_DIR}/include)
find_library(DUCKDB_LIBRARY duckdb HINTS ${TAPELINE_DUCKDB_DIR}/lib)
if(NOT DUCKDB_INCLUDE OR NOT DUCKDB_LIBRARY)
  message(FATAL_ERROR "DuckDB is not there: run scripts/fetch_duckdb.sh, then configure again.")
endif()
configure_file(${DUCKDB_LIBRARY} ${CMAKE_BINARY_DIR}/lib/libduckdb.so COPYONLY)
set(CMAKE_BUILD_RPATH_USE_ORIGIN ON)
add_library(DuckDB::duckdb SHARED IMPORTED)
set_target_properties(DuckDB::duckdb PROPERTIES
  IMPORTED_LOCATION ${CMAKE_BINARY_DIR}/lib/libduckdb.so INTERFACE_INCLUDE_DIRECTORIES ${DUCKDB_INCLUDE})
