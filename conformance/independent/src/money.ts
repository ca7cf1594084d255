// Money between the contract, which counts minor units, and the provider, which writes
// decimals of the major unit: 1050 EUR is "10.50", 1050 JPY is "1050". The point is
// moved in the text; nothing is calculated, and nothing is ever a float.
import type { Money } from './contract';
import { Failed } from './failure';

/** The currencies that the provider takes, with the decimals that it counts. */
export const currencies: Readonly<Record<string, number>> = { JPY: 0, KRW: 0, EUR: 2, GBP: 2, USD: 2, BHD: 3, KWD: 3 };

/** Amount is money in the provider's words. */
export interface Amount { value: string; currency: string }

/** decimal writes minor units, which are digits: the request was judged before. */
export function decimal(minor: string, currency: string): Amount {
  const exponent = currencies[currency] ?? 0;
  const digits = minor.padStart(exponent + 1, '0');
  const whole = digits.slice(0, digits.length - exponent);
  return { value: exponent > 0 ? `${whole}.${digits.slice(-exponent)}` : whole, currency };
}

const int64 = 2n ** 63n - 1n;

/** minor reads what decimal writes. Nothing is nothing, never zero. */
export function minor(amount: Amount | null | undefined): Money | undefined {
  if (!amount) return undefined;
  const exponent = currencies[amount.currency];
  const [, whole, fraction = ''] = /^([0-9]+)(?:\.([0-9]+))?$/.exec(amount.value) ?? [];
  if (exponent === undefined || whole === undefined || fraction.length !== exponent) throw unreadable(amount);
  const value = BigInt(whole + fraction);
  if (value > int64) throw unreadable(amount);
  return { minor: value.toString(), currency: amount.currency };
}

function unreadable(amount: Amount): Failed {
  return new Failed('unparseable_success', `"${amount.value}" "${amount.currency}" is no amount of a currency`);
}
