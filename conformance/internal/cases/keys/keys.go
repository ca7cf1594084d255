// Package keys holds the cases about idempotency: one key, one effect, however often,
// however fast, from however many processes and after whatever accident it is sent; two
// keys, two effects.
//
// They are played with one write of every kind that the connector offers and that shows
// in the provider's books, which decide.
package keys

import "github.com/connectorhost/connectorhost/conformance/internal/suite"

// Cases lists the cases.
func Cases() []suite.Case {
	return []suite.Case{
		sentAgain, sentAtOnce, sentByAnother, otherAmount,
		otherKeys, lastCharacter, longestKey, alphabet,
		answerDropped, answerCut, serverError, answerLostToAnother,
		oneRequest, oneRequestWhenLimited, sameRequest,
		storedFailure, busyKey, freshAfterFailure,
		withinLifetime, afterLifetime,
		readsChangeNothing, readsLeaveKeysAlone,
		cancelAgain, tokenAgain, webhookAgain,
	}
}
