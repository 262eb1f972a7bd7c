/**
 * In the place of `it`: a test that `npm run test:nightly` runs and `npm test` leaves out, because it takes long
 * and another one shows the same in part. No later test of its suite may need it.
 */
export const atNight: (title: string, work: () => Promise<void>) => void =
  process.env.CHATALOT_DEPLOY_TEST_NIGHT === "1" ? it : () => undefined;
