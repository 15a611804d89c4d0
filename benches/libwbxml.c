/* libwbxml's encoder and decoder on the typical document, for comparison: see README.md beside this file. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <wbxml/wbxml.h>
#include <wbxml/wbxml_conv.h>

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    if (argc < 2) return 2;
    static WB_UTINY xml[65536];
    FILE *file = fopen(argv[1], "rb");
    if (!file) return 2;
    WB_ULONG xml_length = fread(xml, 1, sizeof xml, file);
    fclose(file);
    const int rounds = 4000;

    WBXMLConvXML2WBXML *to_wbxml = NULL;
    wbxml_conv_xml2wbxml_create(&to_wbxml);
    wbxml_conv_xml2wbxml_disable_string_table(to_wbxml);
    WB_UTINY *wbxml = NULL;
    WB_ULONG wbxml_length = 0;
    double start = seconds();
    for (int i = 0; i < rounds; i++) {
        if (wbxml) free(wbxml);
        if (wbxml_conv_xml2wbxml_run(to_wbxml, xml, xml_length, &wbxml, &wbxml_length) != WBXML_OK) return 1;
    }
    double encode = (seconds() - start) / rounds;

    WBXMLConvWBXML2XML *to_xml = NULL;
    wbxml_conv_wbxml2xml_create(&to_xml);
    start = seconds();
    for (int i = 0; i < rounds; i++) {
        WB_UTINY *out = NULL;
        WB_ULONG out_length = 0;
        if (wbxml_conv_wbxml2xml_run(to_xml, wbxml, wbxml_length, &out, &out_length) != WBXML_OK) return 1;
        free(out);
    }
    double decode = (seconds() - start) / rounds;
    printf("libwbxml  xml_to_wbxml %.2f us   wbxml_to_xml %.2f us   (%lu octets of WBXML)\n", encode * 1e6, decode * 1e6,
           (unsigned long)wbxml_length);
    return 0;
}
