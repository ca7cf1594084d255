package sdk

// Rows shared by every code of a category, so that the table below shows where a
// code departs from its category and nothing else.
var (
	validation  = Meaning{CategoryValidation, OutcomeNotAttempted, RetryFixed, TellCheckDetails}
	capability  = Meaning{CategoryCapability, OutcomeNotAttempted, RetryOtherConnector, TellMethodUnavailable}
	state       = Meaning{CategoryState, OutcomeNotAttempted, RetryNever, TellNothing}
	merchant    = Meaning{CategoryAuthentication, OutcomeNotAttempted, RetryOtherConnector, TellMethodUnavailable}
	softDecline = Meaning{CategoryDeclineSoft, OutcomeDeclined, RetryOtherInstrument, TellDeclinedTryLater}
	hardDecline = Meaning{CategoryDeclineHard, OutcomeDeclined, RetryOtherInstrument, TellUseOtherMethod}
	wrongData   = Meaning{CategoryDeclineHard, OutcomeDeclined, RetryFixed, TellCheckDetails}
	risk        = Meaning{CategoryRisk, OutcomeDeclined, RetryNever, TellDeclined}
	credit      = Meaning{CategoryCreditDecision, OutcomeDeclined, RetryOtherInstrument, TellDeclined}
	unavailable = Meaning{CategoryProviderUnavailable, OutcomeNotAttempted, RetrySameKey, TellTryLater}
	ambiguous   = Meaning{CategoryProviderAmbiguous, OutcomeUnknown, RetryReconcileFirst, TellProcessing}
	integrity   = Meaning{CategoryIntegrity, OutcomeUnknown, RetryReconcileFirst, TellProcessing}
	webhook     = Meaning{CategoryWebhook, OutcomeNotAttempted, RetryNever, TellNothing}
	inDoubt     = Meaning{CategoryPlugin, OutcomeUnknown, RetryReconcileFirst, TellProcessing}
	notSent     = Meaning{CategoryPlugin, OutcomeNotAttempted, RetrySameKey, TellTryLater}
)

// meanings is the taxonomy: the one place that says what a code means.
var meanings = map[Code]Meaning{
	CodeInvalidField:        validation,
	CodeMissingField:        validation,
	CodeUnsupportedCurrency: validation,
	CodeAmountOutOfRange:    validation,
	CodeAmountPrecision:     validation,
	CodeFieldTooLong:        validation,
	CodeSchemaViolation:     validation,

	CodeOperationUnsupported:     capability,
	CodeCaptureMethodUnsupported: capability,
	CodePaymentMethodUnsupported: capability,
	CodeCountryUnsupported:       capability,

	CodeInvalidState:            state,
	CodeAmountExceedsCapturable: state,
	CodeAmountExceedsRefundable: state,
	CodeAlreadyCaptured:         state,
	CodeAlreadyVoided:           state,
	CodeAlreadyRefunded:         state,
	CodeWindowClosed:            state,
	CodeNotFound:                state,

	CodeKeyConflict: {CategoryIdempotency, OutcomeNotAttempted, RetryNever, TellTryLater},
	// Somebody else's use of the key is under way; its effect is this call's effect.
	CodeKeyInProgress: {CategoryIdempotency, OutcomePending, RetrySameKeyAfter, TellTryLater},
	// The provider forgot the key, so it cannot say whether the first use took effect.
	CodeKeyExpired: {CategoryIdempotency, OutcomeUnknown, RetryReconcileFirst, TellProcessing},

	CodeCredentialsInvalid:  merchant,
	CodeCredentialsExpired:  merchant,
	CodePermissionDenied:    merchant,
	CodeAccountInactive:     merchant,
	CodeEnvironmentMismatch: merchant,

	CodeAuthenticationRequired: {CategoryCustomerAction, OutcomeDeclined, RetryStepUp, TellAuthenticate},
	CodeAuthenticationFailed:   {CategoryCustomerAction, OutcomeDeclined, RetryStepUp, TellAuthenticate},
	CodeActionExpired:          {CategoryCustomerAction, OutcomeDeclined, RetryFixed, TellCanceled},
	CodeCanceledByCustomer:     {CategoryCustomerAction, OutcomeDeclined, RetryFixed, TellCanceled},

	CodeInsufficientFunds: softDecline,
	CodeLimitExceeded:     softDecline,
	CodeVelocityExceeded:  softDecline,
	CodeIssuerUnavailable: softDecline,
	CodeTryAgainLater:     softDecline,
	CodeDoNotHonor:        softDecline,

	CodeAccountClosed:        hardDecline,
	CodeCardLostOrStolen:     hardDecline,
	CodePickup:               hardDecline,
	CodeRestricted:           hardDecline,
	CodeNotPermitted:         hardDecline,
	CodeExpiredInstrument:    hardDecline,
	CodeInvalidNumber:        wrongData,
	CodeIncorrectCVC:         wrongData,
	CodeIncorrectPIN:         wrongData,
	CodeAddressMismatch:      wrongData,
	CodeRevokedAuthorization: hardDecline,

	CodeSuspectedFraud: risk,
	CodeProviderRule:   risk,
	CodeMerchantRule:   risk,
	CodeSanctions:      risk,

	CodeApplicationRejected: credit,
	CodeCreditLimit:         credit,
	CodeEligibility:         credit,
	CodeOrderRejected:       credit,

	CodeRateLimited: {CategoryRateLimit, OutcomeNotAttempted, RetrySameKeyAfter, TellTryLater},

	CodeConnectRefused: unavailable,
	CodeDNSFailure:     unavailable,
	CodeTLSFailure:     unavailable,
	CodeMaintenance:    unavailable,
	CodeCircuitOpen:    unavailable,
	CodeExpiredInQueue: unavailable,

	CodeReadTimeout:        ambiguous,
	CodeConnectionReset:    ambiguous,
	CodeHTTP5xx:            ambiguous,
	CodeTruncatedBody:      ambiguous,
	CodeUnparseableSuccess: ambiguous,
	CodeGatewayTimeout:     ambiguous,

	CodeAmountMismatch:    integrity,
	CodeCurrencyMismatch:  integrity,
	CodeReferenceMismatch: integrity,
	CodeIDMismatch:        integrity,

	CodeSignatureMissing: webhook,
	CodeSignatureInvalid: webhook,
	CodeTimestampSkew:    webhook,
	CodeReplayed:         webhook,
	CodeUnknownEvent:     webhook,
	CodeUnknownResource:  webhook,

	CodePluginCrash:           inDoubt,
	CodePluginPanic:           inDoubt,
	CodePluginDeadline:        inDoubt,
	CodePluginMalformed:       inDoubt,
	CodePluginUnavailable:     notSent,
	CodePluginProtocolVersion: notSent,

	CodeUnmappedDecline: {CategoryUnmapped, OutcomeDeclined, RetryOtherInstrument, TellDeclined},
	CodeUnmappedError:   {CategoryUnmapped, OutcomeUnknown, RetryReconcileFirst, TellProcessing},
}
