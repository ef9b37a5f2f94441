# Flags shared by every target. Warnings are errors: a warning that is wrong is silenced where it stands.
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Werror
                    -fno-omit-frame-pointer -march=${TAPELINE_MARCH})
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports false positives in std::string and variant code that is inlined at -O3.
  add_compile_options(-Wno-error=restrict -Wno-error=array-bounds -Wno-error=stringop-overflow
                      -Wno-error=maybe-uninitialized -Wno-error=stringop-overread)
else()
  # GCC 12's std::stable_sort uses std::get_temporary_buffer, which C++17 deprecated.
  add_compile_options(-Wno-error=deprecated-declarations)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O3 -g1")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g")

if(TAPELINE_SANITIZE)
  add_compile_options(-fsanitize=${TAPELINE_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${TAPELINE_SANITIZE})
endif()

find_program(TAPELINE_CCACHE ccache)
if(TAPELINE_CCACHE)
  # The sloppiness is what ccache asks for when precompiled headers are on.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${TAPELINE_CCACHE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-fpch-preprocess)
  endif()
endif()
find_program(TAPELINE_MOLD mold)
if(TAPELINE_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
