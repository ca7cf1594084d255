// Package lookup holds the cases about looking payments and refunds up: that it changes
// nothing, tells the whole truth and nothing older, works by our own names alone when an
// answer was lost, and fails loudly where it cannot know.
//
// Disputes are not in the contract, and so not here.
package lookup

import (
	"context"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

// Cases lists the cases.
func Cases() []suite.Case {
	return []suite.Case{
		byReference, notThere, notThereByOrder, readOnly, agreesWithCapture, agreesWithRefund, agreesWithVoid,
		equalCaptures, equalRefunds, outsideCapture, outsideRefund, outsideVoid, manyPayments, manyRefunds,

		afterLostAuthorize, afterLostRequest, afterLostCapture, afterLostVoid, afterLostRefund, notYetVisible,
		refundNotYetMade,

		serverError, gatewayPage, foreignNotFound, htmlSuccess, emptySuccess, nullSuccess, truncated, truncatedChunked,
		connectionReset, otherTypes, refundLookupFails,

		timesAreRight, pageEndsInTime,
	}
}

var finding = []sdk.Operation{sdk.OpAuthorize, sdk.OpFindPayment}

func with(ops ...sdk.Operation) []sdk.Operation { return append(ops, finding...) }

// approved is a payment whose buyer has approved it, held where that is offered.
func approved(ctx context.Context, l *suite.Lane) (*suite.Payment, error) {
	cell, err := l.Cell(sdk.CaptureManual)
	if err != nil {
		return nil, err
	}
	return l.AuthorizedIn(ctx, cell, l.Amount())
}

// find looks up as it is told, and says what the connector says.
func find(ctx context.Context, l *suite.Lane, call sdk.Call, order sdk.OrderRef) (sdk.PaymentFinding, error) {
	return l.Remote.FindPayment(ctx, sdk.FindPaymentRequest{
		Call: suite.Reading(call), Order: order, CreatedAt: l.Now().Add(-lookBack),
	})
}
