// Package claims holds the cases about what a connector claims: its manifest, its
// capabilities, and that it refuses whatever lies outside them before anybody is asked.
package claims

import "github.com/connectorhost/connectorhost/conformance/internal/suite"

// Cases lists the cases.
func Cases() []suite.Case {
	return []suite.Case{
		undeclaredIsRefused, refusalIsUnheard, offeredWorks, cellsComplete, cellsRefund, cellsVoid,
		manifestIsStable, manifestIsNoAccounts, manifestMatchesSchema, closureHolds,
		pastDeadlineIsRefused,
		foreignCurrencyIsRefused, foreignCountryIsRefused, foreignMethodIsRefused, foreignCaptureModeIsRefused,
		foreignCurrencyOfMoveIsRefused, foreignInstrumentIsRefused,
		amountNotPositiveIsRefused, missingFieldIsNamed, tooManyItemsAreRefused,
		itemsAtLimit, amountAtLeast, amountBelowLeast, descriptionAtLimit, descriptionBeyondLimit,
		missingCredentialIsRefused, illValueIsRefused, wellValueIsTaken, modeIsHeld, secretIsNotTold,
		goodCredentialsAreValid, wrongCredentialsAreInvalid, wrongCredentialsTakeNothing, otherNameIsTheSame,
	}
}
