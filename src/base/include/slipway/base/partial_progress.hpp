// The progress of one job out of several, as a share of the whole.
#pragma once
#include <mutex>

#include <slipway/base/progress.hpp>

namespace slipway {

// Turns whatever steps a job counts into `units` steps of `whole`, no more and no less: what the job left out is added
// at the end of this object's life. Stages of the job are not shown; notes, and whether to stop, pass through. Safe to
// use from several threads.
class PartialProgress final : public Progress {
 public:
  static constexpr std::size_t units = 100;
  explicit PartialProgress(Progress& whole) : whole_(whole) {}
  ~PartialProgress() override { whole_.advance(units - reported_); }
  void begin(std::string_view stage, std::size_t total) override;
  void advance(std::size_t steps) override;
  void note(std::string_view line) override { whole_.note(line); }
  void end() override {}
  bool cancelled() const override { return whole_.cancelled(); }

 private:
  Progress& whole_;
  std::mutex mutex_;
  std::size_t total_ = 0;
  std::size_t done_ = 0;
  std::size_t reported_ = 0;
};

// Passes on nothing but the wish to stop: for work whose many small fits are one stage to whoever watches.
class OnlyCancelled final : public Progress {
 public:
  explicit OnlyCancelled(const Progress& whole) : whole_(whole) {}
  void begin(std::string_view, std::size_t) override {}
  void advance(std::size_t) override {}
  void note(std::string_view) override {}
  void end() override {}
  bool cancelled() const override { return whole_.cancelled(); }

 private:
  const Progress& whole_;
};

// Begins a stage, and ends it whatever way the function is left.
class Stage {
 public:
  Stage(Progress& progress, std::string_view name, std::size_t total) : progress_(progress) {
    progress.begin(name, total);
  }
  ~Stage() { progress_.end(); }
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

 private:
  Progress& progress_;
};

}  // namespace slipway
