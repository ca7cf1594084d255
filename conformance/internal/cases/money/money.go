// Package money holds the cases about amounts: that the provider is asked for exactly
// what the host asks for, in its own unit, and that captures, releases and refunds move
// that much and no more. What moved is read in the provider's books, never in the
// connector's answer alone.
//
// What it cannot see is how the provider's own dialect writes an amount: only what the
// provider understood.
package money

import "github.com/connectorhost/connectorhost/conformance/internal/suite"

// Cases lists the cases.
func Cases() []suite.Case {
	return []suite.Case{
		zeroDecimals, twoDecimals, threeDecimals, currencyIsKept, largestAmount, hugeAmounts, cartMustAddUp,
		lessThanAskedIsTold, otherAmountIsDoubted, otherCurrencyIsDoubted, otherCaptureAmountIsDoubted,
		otherRefundAmountIsDoubted, missingAmountIsNotZero,

		captureInFull, captureInPart, captureInParts, captureTheRemainder, captureShortOfTheRemainder,
		captureKeepsTheRest, finalCaptureReleasesTheRest, captureOfTheMost, captureTooMuch, captureTooMuchInParts,
		captureOfPartUnclaimed, captureAgainUnclaimed, captureOfNothing, captureInForeignCurrency,
		captureInOtherCurrency, captureAtOnce,

		voidReleases, voidAfterPart, voidTwice, voidAfterOutsideCapture, voidAfterPartUnclaimed,

		refundInFull, refundInPart, refundInParts, refundTooMuch, refundTooMuchInParts, refundOfPartUnclaimed,
		refundAgainUnclaimed, refundOfNothing, refundInForeignCurrency, refundInOtherCurrency, refundOfOneCapture,
		refundBeyondItsCapture, refundNeedsItsCapture, refundAcrossCaptures, refundReasons, refundAtOnce, refundIsFound,
		refundIsFoundByOperation,
	}
}
