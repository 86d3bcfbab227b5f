// grpc.reflection.v1 and v1alpha: what is served, described, so that clients such as grpcurl need no stubs.
#include <set>

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <slipway/base/text.hpp>

#include "calls.hpp"
#include "message.hpp"
#include "published_descriptors.hpp"
#include "reflection.pb.h"

namespace slipway::serving {
namespace {

namespace wire = slipway::wire::grpc::reflection::v1;
namespace pb = ::google::protobuf;

constexpr std::int32_t not_found_code = 5, unimplemented_code = 12;

// The files of grpc/published and those that they import.
const pb::DescriptorPool& pool() {
  static const auto made = [] {
    auto fresh = std::make_unique<pb::DescriptorPool>();
    pb::FileDescriptorSet files;
    if (files.ParseFromArray(published_descriptors, static_cast<int>(published_descriptors_size)))
      for (const pb::FileDescriptorProto& file : files.file()) fresh->BuildFile(file);
    return fresh;
  }();
  return *made;
}

// A file after those that it imports, each once.
void add_file(const pb::FileDescriptor& file, std::set<const pb::FileDescriptor*>& seen,
              wire::FileDescriptorResponse& response) {
  if (!seen.insert(&file).second) return;
  pb::FileDescriptorProto proto;
  file.CopyTo(&proto);
  response.add_file_descriptor_proto(proto.SerializeAsString());
  for (int i = 0; i < file.dependency_count(); ++i) add_file(*file.dependency(i), seen, response);
}

void answer_file(const pb::FileDescriptor* file, const std::string& wanted, wire::ServerReflectionResponse& response) {
  if (file == nullptr) {
    response.mutable_error_response()->set_error_code(not_found_code);
    response.mutable_error_response()->set_error_message("not found: " + show_text(wanted));
    return;
  }
  std::set<const pb::FileDescriptor*> seen;
  add_file(*file, seen, *response.mutable_file_descriptor_response());
}

void list_services(wire::ServerReflectionResponse& response) {
  std::set<std::string_view> names;
  for (const CallMethod& method : call_methods()) names.insert(method.path.substr(1, method.path.rfind('/') - 1));
  for (const std::string_view name : names)
    response.mutable_list_services_response()->add_service()->set_name(std::string(name));
}

Status reflect(CallContext& /*context*/, std::string_view message, std::string& reply) {
  wire::ServerReflectionRequest request;
  SLIPWAY_CHECK(read_message(message, request));
  wire::ServerReflectionResponse response;
  response.set_valid_host(request.host());
  *response.mutable_original_request() = request;
  using Kind = wire::ServerReflectionRequest::MessageRequestCase;
  switch (request.message_request_case()) {
    case Kind::kFileByFilename:
      answer_file(pool().FindFileByName(request.file_by_filename()), request.file_by_filename(), response);
      break;
    case Kind::kFileContainingSymbol:
      answer_file(pool().FindFileContainingSymbol(request.file_containing_symbol()), request.file_containing_symbol(),
                  response);
      break;
    case Kind::kListServices:
      list_services(response);
      break;
    case Kind::kAllExtensionNumbersOfType: {  // there are no extensions
      const std::string& type = request.all_extension_numbers_of_type();
      if (pool().FindMessageTypeByName(type) == nullptr)
        answer_file(nullptr, type, response);
      else
        response.mutable_all_extension_numbers_response()->set_base_type_name(type);
      break;
    }
    case Kind::kFileContainingExtension:
      answer_file(nullptr, fmt::format("extension {}", request.file_containing_extension().extension_number()),
                  response);
      break;
    case Kind::MESSAGE_REQUEST_NOT_SET:
      response.mutable_error_response()->set_error_code(unimplemented_code);
      response.mutable_error_response()->set_error_message("the request asks for nothing that is known here");
      break;
  }
  return write_message(response, reply);
}

constexpr CallMethod methods[] = {
    {.path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
     .route = Route::metadata,
     .handler = reflect,
     .stream = true},
    {.path = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
     .route = Route::metadata,
     .handler = reflect,
     .stream = true},
};

}  // namespace

std::span<const CallMethod> reflection_methods() { return methods; }

}  // namespace slipway::serving
