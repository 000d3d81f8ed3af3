/* arduino/Ferry.h - ferry for sketches, under PlatformIO: three calls over ports/esp-idf.
 *     static Ferry ferry;
 *     if (ferry.update("https://updates.example.com/app.bin")) ESP.restart();
 * Wi-Fi is the sketch's. Everything else is update_esp.h, which this header gives too. */
#ifndef FERRY_ARDUINO_H
#define FERRY_ARDUINO_H

#include "ferry/slots.h"
#include "update_esp.h"

/** All memory of an update, 14 KB: make it static or global. */
class Ferry
{
  public:
    /** Installs the image at url into the spare slot; true: restart, and it runs. ca_pem: trusted
     * instead of the certificate bundle. */
    bool update(const char *url, const char *ca_pem = nullptr)
    {
        struct ferry_esp_update_config config = {};
        config.url = url;
        config.http.ca_file = ca_pem;
        error_ = ferry_esp_update(&update_, &config);
        return error_ == FERRY_OK;
    }

    /** The running app works and stays. */
    bool confirm()
    {
        error_ = ferry_esp_open(&update_.esp, nullptr);
        if (error_ == FERRY_OK)
            error_ = ferry_slots_confirm(&update_.esp.device);
        return error_ == FERRY_OK;
    }

    /** Why the last call returned false, in words. */
    const char *why() const
    {
        return ferry_strerror(error_);
    }

  private:
    struct ferry_esp_update update_ = {};
    ferry_err error_ = FERRY_OK;
};

#endif
