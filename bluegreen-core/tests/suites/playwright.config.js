// As teams write it: the address of the slot comes from the environment.
module.exports = {
  testDir: __dirname,
  testMatch: '*.spec.js',
  timeout: 10_000,
  outputDir: process.env.SUITE_RESULTS,
  use: { baseURL: process.env.BASE_URL },
};
