package sdk

import "time"

// A WebhookRequest is a delivery as it arrived, with what is needed to judge it.
type WebhookRequest struct {
	Call    Call                `json:"call"`
	Method  string              `json:"method"`
	URL     string              `json:"url"`
	Headers map[string][]string `json:"headers"` // names as received; match them without regard to case
	Body    []byte              `json:"body"`    // the exact bytes
	Secrets []SigningSecret     `json:"-"`       // any may have signed; several during a rotation
	Now     time.Time           `json:"now"`
	// Tolerance is how far the delivery's own time may be from Now.
	Tolerance time.Duration `json:"tolerance"`
}

// A SigningSecret is a key that a provider signs with, and the registration it
// belongs to.
type SigningSecret struct {
	RegistrationID string
	Secret         Secret
}

// A WebhookReading is what a delivery means. Respond must be sent to the provider
// exactly as it is, whether or not the delivery was refused.
type WebhookReading struct {
	// Refused is why the delivery is not to be believed, nil if it is. A refused
	// delivery carries no observations.
	Refused *Error `json:"-"`
	// EventID is the same on every delivery of one event.
	EventID   string `json:"event_id,omitempty"`
	EventType string `json:"event_type,omitempty"` // the provider's word
	// Observations are what the event says. Each is a possibly partial snapshot.
	Observations []Snapshot `json:"observations,omitempty"`
	// ReadAgain asks the host to look the observed payments up before it believes
	// what the event says about money.
	ReadAgain bool    `json:"read_again,omitempty"`
	Respond   Respond `json:"respond"`
}

// Respond is an HTTP response.
type Respond struct {
	Status  int                 `json:"status"`
	Headers map[string][]string `json:"headers,omitempty"`
	Body    []byte              `json:"body,omitempty"`
}

// A RegisterWebhookRequest asks the provider to notify the host at URL.
type RegisterWebhookRequest struct {
	Call    Call     `json:"call"`
	URL     string   `json:"url"`
	Events  []string `json:"events,omitempty"` // empty means what the manifest lists
	Current string   `json:"current,omitempty"`
}

// A WebhookRegistration is the provider's record of where to notify. Its secret goes
// to the host once and is stored encrypted.
type WebhookRegistration struct {
	ID     string `json:"id"`
	Secret Secret `json:"-"`
}
