package settle

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"math/big"

	"github.com/google/uuid"

	"github.com/connectorhost/connectorhost/sdk"
)

// ApprovedPage and CanceledPage end the URLs that buyers come back to.
const (
	ApprovedPage = "approved"
	CanceledPage = "canceled"
)

// Reference is a payment's name at its provider: its UUID as a base-62 number, at
// most 22 characters.
func Reference(id uuid.UUID) sdk.Reference {
	return sdk.Reference(new(big.Int).SetBytes(id[:]).Text(62))
}

// returnURL is where a provider sends the buyer's browser. The token keeps strangers
// from claiming that a buyer came back; what it proves about money is nothing.
func (e *Engine) returnURL(id sdk.PaymentID, page string) string {
	return e.PublicURL + "/return/" + string(id) + "/" + e.returnToken(id) + "/" + page
}

func (e *Engine) returnToken(id sdk.PaymentID) string {
	mac := hmac.New(sha256.New, e.ReturnKey)
	mac.Write([]byte("return\x00" + id))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

func (e *Engine) validReturn(id sdk.PaymentID, token string) bool {
	return subtle.ConstantTimeCompare([]byte(token), []byte(e.returnToken(id))) == 1
}
