#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/base/file.hpp>
#include <slipway/package/bundle.hpp>
#include <slipway/package/signature.hpp>

#include "test_model.hpp"

namespace slipway::package {
namespace {

using ::testing::HasSubstr;

// RFC 8032, section 7.1, test 2: the key, one byte 0x72, and its signature.
constexpr std::string_view private_key = R"(-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7
-----END PRIVATE KEY-----
)";
constexpr std::string_view public_key = R"(-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=
-----END PUBLIC KEY-----
)";
constexpr std::string_view signature_of_72 =
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";

TEST(Signature, IsThatOfTheStandard) {
  const auto made = sign("r", private_key);
  ASSERT_TRUE(made.ok()) << made.error().message();
  EXPECT_EQ(*made, signature_of_72);
  EXPECT_TRUE(check_signature("r", signature_of_72, public_key).ok());
  EXPECT_EQ(check_signature("s", signature_of_72, public_key).error().code(), ErrorCode::check_failed);
  std::string other(signature_of_72);
  other[5] = 'f';
  EXPECT_FALSE(check_signature("r", other, public_key).ok());
  EXPECT_THAT(check_signature("r", "zz", public_key).error().message(), HasSubstr("128 hexadecimal"));
  EXPECT_THAT(sign("r", public_key).error().message(), HasSubstr("no private key"));
  EXPECT_THAT(check_signature("r", signature_of_72, "?").error().message(), HasSubstr("no public key"));
}

class SignedBundle : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/signature_test_XXXXXX";
    root_ = ::mkdtemp(pattern);
    ASSERT_TRUE(write_file(root_ / "private.pem", private_key).ok());
    ASSERT_TRUE(write_file(root_ / "public.pem", public_key).ok());
    Manifest manifest;
    manifest.created = 1;
    BundleWriter writer(manifest);
    ASSERT_TRUE(writer.add_model(test_model()).ok());
    ASSERT_TRUE(writer.publish(root_ / "bundle", false).ok());
    ::setenv("SLIPWAY_TRUSTED_KEY", (root_ / "public.pem").c_str(), 1);
  }
  void TearDown() override {
    ::unsetenv("SLIPWAY_TRUSTED_KEY");
    std::filesystem::remove_all(root_);
  }
  std::filesystem::path root_;
};

TEST_F(SignedBundle, OpensWhereItsKeyIsTrusted) {
  const auto opened = [&] {
    const auto bundle = open_bundle(root_ / "bundle");
    return bundle.ok() ? std::string("opened") : bundle.error().message();
  };
  EXPECT_THAT(opened(), HasSubstr("it is not signed"));
  ASSERT_TRUE(sign_bundle(root_ / "bundle", root_ / "private.pem").ok());
  EXPECT_EQ(opened(), "opened");
  // A manifest that somebody made fit another file.
  const std::string manifest = read_file(root_ / "bundle/manifest.json").value();
  ASSERT_TRUE(write_file(root_ / "bundle/manifest.json", manifest + "\n").ok());
  EXPECT_THAT(opened(), HasSubstr("is not that of the trusted key"));
  ::unsetenv("SLIPWAY_TRUSTED_KEY");
  EXPECT_EQ(opened(), "opened");
}

}  // namespace
}  // namespace slipway::package
