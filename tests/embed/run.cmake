# SPDX-License-Identifier: Apache-2.0
# Installs the library of `build` below it, then configures, builds and runs the project in `source` against that.
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result)
  if(result)
    message(FATAL_ERROR "failed: ${ARGN}")
  endif()
endfunction()

set(prefix ${build}/install-test)
file(REMOVE_RECURSE ${prefix})
run(${CMAKE_COMMAND} --install ${build} --prefix ${prefix})
if(type STREQUAL "Asan")
  set(flags -DCMAKE_CXX_FLAGS=-fsanitize=address,undefined)
endif()
run(${CMAKE_COMMAND} -G ${generator} -S ${source} -B ${prefix}/build -DCMAKE_PREFIX_PATH=${prefix} ${flags})
run(${CMAKE_COMMAND} --build ${prefix}/build)
run(${CMAKE_COMMAND} -E chdir ${prefix}/build ./embed)
