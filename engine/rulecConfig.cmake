# What a consumer of the static library links besides it.
include(CMakeFindDependencyMacro)
find_dependency(fmt CONFIG)
find_dependency(yaml-cpp)
find_dependency(zstd CONFIG)
find_dependency(ZLIB)
find_dependency(Threads)
include(${CMAKE_CURRENT_LIST_DIR}/rulecTargets.cmake)
