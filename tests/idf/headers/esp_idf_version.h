#pragma once

#define ESP_IDF_VERSION_VAL(major, minor, patch) (((major) << 16) | ((minor) << 8) | (patch))
#ifndef ESP_IDF_VERSION // a test may ask for an earlier one
#define ESP_IDF_VERSION ESP_IDF_VERSION_VAL(6, 0, 0)
#endif
