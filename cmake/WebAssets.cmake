# The page for traders: web/ is built by npm when its sources change and embedded into the program.
# tapeline_web_assets(OUTPUT) sets OUTPUT to the generated source file.
function(tapeline_web_assets OUTPUT)
  find_program(TAPELINE_NPM npm)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  if(NOT TAPELINE_NPM)
    message(FATAL_ERROR "npm is not installed, which builds the page in web/: run scripts/bootstrap.sh.")
  endif()
  set(web ${CMAKE_SOURCE_DIR}/web)
  set(generated ${CMAKE_BINARY_DIR}/web_assets.cc)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${web}/src/*)
  add_custom_command(
    OUTPUT ${generated}
    COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/scripts/build_web.py
            --npm ${TAPELINE_NPM} --source ${web} --folder ${CMAKE_BINARY_DIR}/web
            --openapi ${CMAKE_SOURCE_DIR}/src/serve/openapi.json --output ${generated}
    DEPENDS ${sources} ${web}/index.html ${web}/package.json ${web}/package-lock.json ${web}/tsconfig.json
            ${web}/vite.config.ts ${CMAKE_SOURCE_DIR}/src/serve/openapi.json
            ${CMAKE_SOURCE_DIR}/scripts/build_web.py
    COMMENT "Building the page for traders"
    VERBATIM)
  set(${OUTPUT} ${generated} PARENT_SCOPE)
endfunction()
