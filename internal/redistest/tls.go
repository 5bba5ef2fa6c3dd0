package redistest

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
)

// StartTLS starts a server that speaks TLS only, and returns the configuration
// that its clients need to trust it.
func StartTLS(tb TB, config ...string) (*Server, *tls.Config) {
	tb.Helper()
	// The standard library has a certificate for 127.0.0.1 for tests.
	web := httptest.NewTLSServer(http.NotFoundHandler())
	defer web.Close()
	trust := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	trust.RootCAs.AddCert(web.Certificate())
	key, err := x509.MarshalPKCS8PrivateKey(web.TLS.Certificates[0].PrivateKey)
	if err != nil {
		tb.Fatalf("the key of the certificate: %v", err)
	}
	folder := tb.TempDir()
	for file, block := range map[string]*pem.Block{
		"cert": {Type: "CERTIFICATE", Bytes: web.Certificate().Raw},
		"key":  {Type: "PRIVATE KEY", Bytes: key},
	} {
		path := filepath.Join(folder, file)
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			tb.Fatalf("%v", err)
		}
		config = append(config, "tls-"+file+"-file "+path)
	}
	config = append(config, "tls-auth-clients no")
	return start(tb, &Server{config: config, trust: trust}), trust
}
