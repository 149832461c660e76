// Requests only: they need no browser.
const { test, expect } = require('@playwright/test');

test('the slot is well', async ({ request }) => {
  const answer = await request.get('/health');
  expect(answer.status()).toBe(200);
  expect(await answer.json()).toEqual({ status: 'ok' });
});

test('it is the release that is meant', async ({ request }) => {
  const answer = await request.get('/version');
  expect((await answer.json()).version).toBe(process.env.BLUEGREEN_VERSION);
});
