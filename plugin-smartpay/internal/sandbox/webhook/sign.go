package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// The headers that travel with every event (smartpay-api.md §9.4).
const (
	HeaderSignature    = "Smartpay-Signature"
	HeaderTimestamp    = "Smartpay-Signature-Timestamp"
	HeaderSubscription = "Smartpay-Subscription-Id"
	HeaderEvent        = "Smartpay-Event-Id"
)

// alphabet is the provider's base62 for signing secrets. It is not the usual
// order: upper case, lower case, digits (smartpay-api.md §9.5).
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// Key decodes a signing secret: a big-endian number in base62, each leading
// 'A' one leading zero byte.
func Key(secret string) ([]byte, error) {
	number, base := new(big.Int), big.NewInt(int64(len(alphabet)))
	for i := range len(secret) {
		digit := strings.IndexByte(alphabet, secret[i])
		if digit < 0 {
			return nil, fmt.Errorf("signing secret: character %d is not one of A-Z, a-z, 0-9", i+1)
		}
		number.Mul(number, base).Add(number, big.NewInt(int64(digit)))
	}
	zeros := len(secret) - len(strings.TrimLeft(secret, alphabet[:1]))
	return append(make([]byte, zeros), number.Bytes()...), nil
}

// Sign gives the signature of a body sent at a moment, and the timestamp that
// was signed with it, both as they travel.
func Sign(secret string, at time.Time, body []byte) (signature, timestamp string, err error) {
	key, err := Key(secret)
	if err != nil {
		return "", "", err
	}
	timestamp = strconv.FormatInt(at.UnixMilli(), 10)
	return sum(key, []byte(timestamp+"."), body), timestamp, nil
}

func sum(key []byte, parts ...[]byte) string {
	mac := hmac.New(sha256.New, key)
	for _, part := range parts {
		mac.Write(part)
	}
	return hex.EncodeToString(mac.Sum(nil))
}
