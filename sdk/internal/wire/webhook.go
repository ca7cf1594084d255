package wire

import (
	"github.com/connectorhost/connectorhost/sdk"
	pb "github.com/connectorhost/connectorhost/sdk/internal/gen/connector/v1"
)

var readWebhookMethod = method[
	sdk.WebhookRequest, sdk.WebhookReading, *pb.ReadWebhookRequest, *pb.ReadWebhookResponse,
]{
	op:           sdk.OpReadWebhook,
	name:         pb.Connector_ReadWebhook_FullMethodName,
	toRequest:    toReadWebhook,
	fromRequest:  fromReadWebhook,
	newResponse:  fresh[pb.ReadWebhookResponse],
	toResponse:   toReading,
	fromResponse: fromReading,
	flaw:         readingFlaw,
}

// readingFlaw says what is wrong with a reading, or "".
func readingFlaw(r sdk.WebhookReading) string {
	switch {
	case r.Refused != nil && len(r.Observations) > 0:
		return "the delivery was refused but is believed"
	case r.Respond.Status < 200 || r.Respond.Status > 599:
		return "the response to the provider has no status from 200 to 599"
	}
	return ""
}

func toReadWebhook(req sdk.WebhookRequest) *pb.ReadWebhookRequest {
	return &pb.ReadWebhookRequest{
		Call:      toCall(req.Call),
		Method:    req.Method,
		Url:       req.URL,
		Headers:   eachValue[string, string](req.Headers, toValues),
		Body:      req.Body,
		Secrets:   each(req.Secrets, toSigningSecret),
		Now:       toTime(req.Now),
		Tolerance: toDuration(req.Tolerance),
	}
}

func fromReadWebhook(m *pb.ReadWebhookRequest) sdk.WebhookRequest {
	return sdk.WebhookRequest{
		Call:      fromCall(m.GetCall()),
		Method:    m.GetMethod(),
		URL:       m.GetUrl(),
		Headers:   eachValue[string, string](m.GetHeaders(), fromValues),
		Body:      m.GetBody(),
		Secrets:   each(m.GetSecrets(), fromSigningSecret),
		Now:       fromTime(m.GetNow()),
		Tolerance: fromDuration(m.GetTolerance()),
	}
}

func toValues(values []string) *pb.Values { return &pb.Values{Values: values} }

func fromValues(m *pb.Values) []string { return m.GetValues() }

func toSigningSecret(s sdk.SigningSecret) *pb.SigningSecret {
	return &pb.SigningSecret{RegistrationId: s.RegistrationID, Secret: s.Secret.Reveal()}
}

func fromSigningSecret(m *pb.SigningSecret) sdk.SigningSecret {
	return sdk.SigningSecret{RegistrationID: m.GetRegistrationId(), Secret: sdk.NewSecret(m.GetSecret())}
}

func toReading(r sdk.WebhookReading, err *sdk.Error) *pb.ReadWebhookResponse {
	return &pb.ReadWebhookResponse{
		Refused:      toError(r.Refused),
		EventId:      r.EventID,
		EventType:    r.EventType,
		Observations: each(r.Observations, toObservation),
		ReadAgain:    r.ReadAgain,
		Respond:      toRespond(r.Respond),
		Error:        toError(err),
	}
}

func fromReading(m *pb.ReadWebhookResponse) (sdk.WebhookReading, *sdk.Error) {
	return sdk.WebhookReading{
		Refused:      fromError(m.GetRefused()),
		EventID:      m.GetEventId(),
		EventType:    m.GetEventType(),
		Observations: each(m.GetObservations(), fromObservation),
		ReadAgain:    m.GetReadAgain(),
		Respond:      fromRespond(m.GetRespond()),
	}, fromError(m.GetError())
}

func toRespond(r sdk.Respond) *pb.Respond {
	return &pb.Respond{
		Status:  toInt32(r.Status),
		Headers: eachValue[string, string](r.Headers, toValues),
		Body:    r.Body,
	}
}

func fromRespond(m *pb.Respond) sdk.Respond {
	return sdk.Respond{
		Status:  int(m.GetStatus()),
		Headers: eachValue[string, string](m.GetHeaders(), fromValues),
		Body:    m.GetBody(),
	}
}

var registerWebhookMethod = method[
	sdk.RegisterWebhookRequest, sdk.WebhookRegistration, *pb.RegisterWebhookRequest, *pb.RegisterWebhookResponse,
]{
	op:           sdk.OpRegisterWebhook,
	name:         pb.Connector_RegisterWebhook_FullMethodName,
	toRequest:    toRegisterWebhook,
	fromRequest:  fromRegisterWebhook,
	newResponse:  fresh[pb.RegisterWebhookResponse],
	toResponse:   toRegistration,
	fromResponse: fromRegistration,
	flaw: func(r sdk.WebhookRegistration) string {
		if r.ID == "" {
			return "the registration has no id"
		}
		return ""
	},
}

func toRegisterWebhook(req sdk.RegisterWebhookRequest) *pb.RegisterWebhookRequest {
	return &pb.RegisterWebhookRequest{
		Call: toCall(req.Call), Url: req.URL, Events: req.Events, Current: req.Current,
	}
}

func fromRegisterWebhook(m *pb.RegisterWebhookRequest) sdk.RegisterWebhookRequest {
	return sdk.RegisterWebhookRequest{
		Call: fromCall(m.GetCall()), URL: m.GetUrl(), Events: m.GetEvents(), Current: m.GetCurrent(),
	}
}

func toRegistration(r sdk.WebhookRegistration, err *sdk.Error) *pb.RegisterWebhookResponse {
	return &pb.RegisterWebhookResponse{Id: r.ID, Secret: r.Secret.Reveal(), Error: toError(err)}
}

func fromRegistration(m *pb.RegisterWebhookResponse) (sdk.WebhookRegistration, *sdk.Error) {
	return sdk.WebhookRegistration{ID: m.GetId(), Secret: sdk.NewSecret(m.GetSecret())}, fromError(m.GetError())
}
