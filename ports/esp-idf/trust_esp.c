/* ports/esp-idf/trust_esp.c - whom a device with signed updates trusts. */
#include "trust_esp.h"

ferry_err ferry_esp_trust_running(struct ferry_esp *e, struct ferry_esp_trust *t)
{
    struct ferry_device *d = &e->device;
    struct ferry_region app;
    ferry_err err = ferry_device_region(d, d->running, &app);
    if (!err) // where the image ends, behind which its signature lies
        err = ferry_device_verify(d, d->running);
    if (!err)
        err = ferry_signature_trust_running(&app, e->work.image.image_bytes, &t->gate.work,
                                            &t->trust);
    if (err)
        return ferry_fail(&d->fault, err, d->fault.value, d->fault.limit, d->fault.off_bytes);
    ferry_signature_gate_init(&t->gate, &t->trust);
    e->policy.gate = &t->gate.gate;
    return FERRY_OK;
}
