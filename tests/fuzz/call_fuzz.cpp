// Any message to any gRPC method: an answer or a client's error, never a crash, never the server's fault.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "served_example.hpp"

using namespace slipway;

// The first byte chooses the method.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static constexpr std::string_view methods[] = {"/inference.GRPCInferenceService/ModelInfer",
                                                 "/inference.GRPCInferenceService/ModelStreamInfer",
                                                 "/tensorflow.serving.PredictionService/Predict",
                                                 "/tensorflow.serving.PredictionService/Classify",
                                                 "/tensorflow.serving.PredictionService/Regress",
                                                 "/tensorflow.serving.PredictionService/MultiInference",
                                                 "/inference.GRPCInferenceService/ModelConfig",
                                                 "/inference.GRPCInferenceService/ModelStatistics",
                                                 "/tensorflow.serving.PredictionService/GetModelMetadata",
                                                 "/tensorflow.serving.ModelService/GetModelStatus",
                                                 "/inference.GRPCInferenceService/RepositoryIndex",
                                                 "/grpc.health.v1.Health/Check"};
  constexpr int internal = 13, unknown = 2;
  if (size < 1) return 0;
  const std::string_view message(reinterpret_cast<const char*>(data) + 1, size - 1);
  const serving::Reply reply = fuzz::service().call(serving::Call{methods[data[0] % std::size(methods)], message, {}});
  if (reply.code == internal || reply.code == unknown) std::abort();
  if (reply.code != 0 && reply.error.empty()) std::abort();
  return 0;
}
