# `cmake --install build/release --prefix DIR`: the program, the library that it needs, the headers that an operator
# of a user's own includes, and the CMake package that builds one (docs/operators.md).
install(TARGETS tapeline RUNTIME DESTINATION bin)
install(FILES ${CMAKE_BINARY_DIR}/lib/libduckdb.so DESTINATION lib)
set_target_properties(tapeline PROPERTIES INSTALL_RPATH "$ORIGIN/../lib")

foreach(header
    base/check.h base/prefetch.h base/virtual_array.h
    market/event.h market/quality.h market/types.h
    table/schema.h
    stream/key_set.h stream/keyed_state.h stream/operator.h stream/state.h stream/tumbling_windows.h
    book/book_types.h
    operators/operator.h operators/plugin.h operators/windowed_operator.h)
  get_filename_component(folder ${header} DIRECTORY)
  install(FILES ${CMAKE_SOURCE_DIR}/src/${header} DESTINATION include/tapeline/${folder})
endforeach()

include(CMakePackageConfigHelpers)
configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/TapelineConfig.cmake.in
                              ${CMAKE_BINARY_DIR}/TapelineConfig.cmake INSTALL_DESTINATION lib/cmake/Tapeline)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/TapelineConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/TapelineConfig.cmake ${CMAKE_BINARY_DIR}/TapelineConfigVersion.cmake
        DESTINATION lib/cmake/Tapeline)
