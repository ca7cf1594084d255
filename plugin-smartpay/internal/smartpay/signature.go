package smartpay

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/big"
	"strings"
)

// alphabet is that of Smartpay's base62: upper case, lower case, digits, which is not
// the usual order.
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// maxSecretLength bounds the work of decoding. Real secrets have 40 characters.
const maxSecretLength = 256

var errSecretForm = errors.New("the signing secret is not base62")

// decodeSecret turns a signing secret into the HMAC key: one big-endian number, and a
// zero byte for each leading A, as the official clients decode it.
func decodeSecret(secret string) ([]byte, error) {
	if secret == "" || len(secret) > maxSecretLength {
		return nil, errSecretForm
	}
	number, base := new(big.Int), big.NewInt(int64(len(alphabet)))
	for i := range len(secret) {
		digit := strings.IndexByte(alphabet, secret[i])
		if digit < 0 {
			return nil, errSecretForm
		}
		number.Mul(number, base).Add(number, big.NewInt(int64(digit)))
	}
	zeros := len(secret) - len(strings.TrimLeft(secret, alphabet[:1]))
	return append(make([]byte, zeros), number.Bytes()...), nil
}

// signature is the value of a delivery's signature header: lower-case hex of the HMAC
// over the timestamp header, a dot and the exact body.
func signature(key []byte, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(timestamp))
	mac.Write([]byte("."))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// signed compares in constant time.
func signed(key []byte, timestamp string, body []byte, claimed string) bool {
	return hmac.Equal([]byte(signature(key, timestamp, body)), []byte(claimed))
}
