// SPDX-License-Identifier: Apache-2.0
#include "tests/ocdbt_sample.h"

#include "engine/ocdbt/envelope.h"

namespace rulec::testing {

ocdbt::Extent Sample::node(const Bytes& body, ocdbt::Compression compression) {
  const std::string sealed = as_text(ocdbt::seal_envelope(body, ocdbt::Magic::Node, compression));
  data += sealed;
  return {0, data.size() - sealed.size(), sealed.size()};
}

ocdbt::Version& Sample::root(const ocdbt::Extent& extent, std::uint8_t height) {
  manifest.files = {{"", "d/x"}};
  ocdbt::Version version;
  version.generation = manifest.versions.size() + 1;
  version.height = height;
  version.root.node = extent;
  return manifest.versions.emplace_back(version);
}

void Sample::write(const Scratch& scratch) const {
  write(scratch, ocdbt::encode_manifest(manifest));
}

void Sample::write(const Scratch& scratch, const Bytes& manifest_body) const {
  scratch.write("d/x", data);
  scratch.write("manifest.ocdbt", as_text(ocdbt::seal_envelope(manifest_body, ocdbt::Magic::Manifest, {})));
}

ocdbt::Node leaf_of(ocdbt::DataFile file, std::uint64_t offset, std::uint64_t length) {
  ocdbt::Node node;
  node.files.push_back(std::move(file));
  node.entries.push_back({"k", ocdbt::Extent{0, offset, length}});
  return node;
}

ocdbt::Node leaf_of(const std::vector<std::string>& keys) {
  ocdbt::Node node;
  for (const std::string& key : keys) node.entries.push_back({key, std::span<const std::byte>()});
  return node;
}

Bytes written(const std::function<void(ocdbt::ByteWriter&)>& write) {
  ocdbt::ByteWriter out;
  write(out);
  return out.take();
}

}  // namespace rulec::testing
