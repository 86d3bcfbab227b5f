#include <slipway/base/progress.hpp>

namespace slipway {
namespace {

class Silent final : public Progress {
  void begin(std::string_view, std::size_t) override {}
  void advance(std::size_t) override {}
  void note(std::string_view) override {}
  void end() override {}
};

}  // namespace

Progress& silent_progress() {
  static Silent silent;
  return silent;
}

}  // namespace slipway
