import { expect } from "chai";
import { TransportError, type TransportFailure } from "../../transport/transport.ts";

/** The error of a command that must fail, for this reason. */
export async function failureOf(
  command: Promise<unknown>,
  failure: TransportFailure,
): Promise<TransportError> {
  let error: unknown;
  try {
    await command;
  } catch (thrown) {
    error = thrown;
  }
  expect(error, "the command did not fail").to.be.instanceOf(TransportError);
  const transportError = error as TransportError;
  expect(transportError.failure, transportError.message).to.equal(failure);
  return transportError;
}
