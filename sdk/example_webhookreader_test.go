package sdk_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/connectorhost/connectorhost/sdk"
)

// A Postbox reads the deliveries of a provider that signs the body with HMAC-SHA256.
type Postbox struct{}

// ReadWebhook verifies the raw bytes before it parses any of them. Several secrets may
// be valid while they are rotated.
func (Postbox) ReadWebhook(_ context.Context, req sdk.WebhookRequest) (sdk.WebhookReading, error) {
	const op sdk.Op = "postbox.ReadWebhook"

	if !signed(req) {
		return sdk.WebhookReading{
			Refused: sdk.Errorf(op, sdk.CodeSignatureInvalid, "no known key signed this"),
			Respond: sdk.Respond{Status: http.StatusUnauthorized},
		}, nil
	}
	var event struct{ ID, Order string }
	if err := json.Unmarshal(req.Body, &event); err != nil {
		return sdk.WebhookReading{
			Refused: sdk.Errorf(op, sdk.CodeUnknownEvent, "reading the event: %w", err),
			Respond: sdk.Respond{Status: http.StatusBadRequest},
		}, nil
	}
	return sdk.WebhookReading{
		EventID:      event.ID,
		Observations: []sdk.Snapshot{{Order: sdk.OrderRef(event.Order), State: sdk.StateCaptured}},
		Respond:      sdk.Respond{Status: http.StatusNoContent},
	}, nil
}

func signed(req sdk.WebhookRequest) bool {
	sent, err := hex.DecodeString(header(req.Headers, "Signature"))
	if err != nil {
		return false
	}
	for _, key := range req.Secrets {
		if hmac.Equal(sent, sign(key.Secret, req.Body)) {
			return true
		}
	}
	return false
}

// header finds a header whose name may arrive in any case.
func header(headers map[string][]string, name string) string {
	for received, values := range headers {
		if strings.EqualFold(received, name) && len(values) > 0 {
			return values[0]
		}
	}
	return ""
}

func sign(key sdk.Secret, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	mac.Write(body)
	return mac.Sum(nil)
}

// A delivery is believed if its bytes are signed, and is answered either way.
func ExampleWebhookReader() {
	var postbox sdk.WebhookReader = Postbox{}
	key := sdk.NewSecret("whsec")
	body := []byte(`{"ID": "ev-1", "Order": "order-1"}`)
	forged := []byte(`{"ID": "ev-1", "Order": "order-2"}`)

	for _, received := range [][]byte{body, forged} {
		reading, err := postbox.ReadWebhook(context.Background(), sdk.WebhookRequest{
			Headers: map[string][]string{"signature": {hex.EncodeToString(sign(key, body))}},
			Body:    received,
			Secrets: []sdk.SigningSecret{{RegistrationID: "reg-1", Secret: key}},
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(reading.Respond.Status, len(reading.Observations), "observed;", "refused:", reading.Refused)
	}

	// Output:
	// 204 1 observed; refused: <nil>
	// 401 0 observed; refused: postbox.ReadWebhook: signature_invalid: no known key signed this
}
