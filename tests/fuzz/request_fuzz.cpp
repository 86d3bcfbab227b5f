// Any body to any scoring route: an answer of 200 or a client's error in JSON, never a crash, never the server's fault.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <slipway/model/model.hpp>
#include <slipway/serving/service.hpp>

namespace {

using namespace slipway;

model::Model make_model() {
  using namespace slipway::model;
  ModelBuilder builder("m");
  const ValueId number =
      builder.input({.name = "a", .minimum = -1.0F, .maximum = 1.0F, .out_of_range = OutOfRange::clamp});
  const ValueId text = builder.input({.name = "t", .kind = InputKind::text, .categories = {"x", "y"}});
  const ValueId time = builder.input({.name = "w", .kind = InputKind::time});
  const ValueId known = builder.add(Lookup{text, 0, {"x", "y"}, {1, 2}, {3}, {4}}, "known", {"known"});
  const ValueId hour =
      builder.add(Expression{{time}, 0, {{.op = ExpressionNode::Op::hour}}, "hour(w)"}, "hour", {"hour"});
  const ValueId all =
      builder.add(Join{{number, known, hour}, 0, Join::Kind::concatenate, {}}, "all", {"a", "known", "hour"});
  Trees trees;
  trees.input = all;
  trees.roots = {0};
  trees.feature = {1, -1, -1};
  trees.threshold = {1.5F, 0, 0};
  trees.left = {1, 0, 1};
  trees.right = {2, 0, 0};
  trees.missing_left = {0, 0, 0};
  trees.cover = {2, 1, 1};
  trees.leaf_values = {0.25F, 0.75F};
  const ValueId p = builder.add(std::move(trees), "p", {"p"});
  const ValueId scores = builder.add(Link{p, 0, Link::Kind::complement}, "scores", {"0", "1"});
  const ValueId label = builder.add(Decide{scores, 0, 0.5F}, "label", {"label"});
  builder.set_task(Task::binary, "y", {"0", "1"});
  builder.set_outputs(scores, label);
  auto built = std::move(builder).build();
  if (!built.ok()) std::abort();
  return std::move(built).value();
}

serving::Service& service() {
  static serving::Service* const one = [] {
    const auto models = serving::ModelRepository::empty();
    if (!models->add(make_model(), "1", "d", {"key"}).ok()) std::abort();
    return new serving::Service({models, nullptr, "fuzz"});
  }();
  return *one;
}

}  // namespace

// The first byte chooses the route, the second, for V2, how much of the rest is JSON in front of binary tensors.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static constexpr std::string_view targets[] = {"/score",       "/score?reasons=2",   "/v1/models/m:predict?reasons=1",
                                                 "/invocations", "/v2/models/m/infer", "/v2/models/m/infer"};
  if (size < 2) return 0;
  const std::size_t route = data[0] % std::size(targets);
  const std::string_view body(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::string length = std::to_string(body.size() * data[1] / 255);
  const serving::Header header{"Inference-Header-Content-Length", length};
  serving::Request request{"POST", targets[route], {}, body};
  if (route == 5) request.headers = {&header, 1};
  const serving::Response response = service().handle(request);
  if (response.status != 200 && response.status != 400) std::abort();
  if (response.status == 400 && !response.body.starts_with("{\"error\":\"")) std::abort();
  return 0;
}
